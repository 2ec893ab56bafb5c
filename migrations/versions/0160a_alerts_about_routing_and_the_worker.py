"""Alerts about routing, the worker and tasks that crash over and over; when an attempt was found to do so."""

import sqlalchemy as sa
from alembic import op

revision = "0160a"
down_revision = "0160"
branch_labels = None
depends_on = None

_KINDS = "'waiting', 'failures', 'silence', 'parked', 'no_consumer', 'unreachable', 'writes', 'disk'"

_NEW_RULES = """
INSERT INTO alert_rule (course_id, kind, threshold, least)
SELECT r.course_id, k.kind, k.threshold, 20
FROM (SELECT DISTINCT course_id FROM alert_rule) r
JOIN (VALUES ('routing', 5, false), ('worker', 2, false), ('crash_loop', 1, true)) k (kind, threshold, of_a_course)
    ON r.course_id IS NULL OR k.of_a_course
"""


def upgrade() -> None:
    op.add_column("task_attempt", sa.Column("crash_loop_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_alert_rule_kind"), "alert_rule")
    op.create_check_constraint(
        op.f("ck_alert_rule_kind"), "alert_rule", f"kind IN ({_KINDS}, 'routing', 'worker', 'crash_loop')"
    )
    op.execute(_NEW_RULES)


def downgrade() -> None:
    op.execute("DELETE FROM alert_rule WHERE kind IN ('routing', 'worker', 'crash_loop')")
    op.drop_constraint(op.f("ck_alert_rule_kind"), "alert_rule")
    op.create_check_constraint(op.f("ck_alert_rule_kind"), "alert_rule", f"kind IN ({_KINDS})")
    op.drop_column("task_attempt", "crash_loop_at")
