"""Failures are grouped by the first error of the stage's output where one is known."""

import sqlalchemy as sa
from alembic import op

revision = "0180"
down_revision = "0160c"
branch_labels = None
depends_on = None

INDEX = "ix_task_stage_status_failure_key_ended_at"


def upgrade() -> None:
    # What failed before keeps its group: it counts as read, with nothing found.
    op.add_column("task_stage_status", sa.Column("cause", sa.Text(), server_default=""))
    op.alter_column("task_stage_status", "cause", server_default=None)
    _group_by("COALESCE(NULLIF(cause, ''), reason)")
    op.create_index(
        "ix_task_stage_status_unread",
        "task_stage_status",
        ["id"],
        postgresql_where=sa.text("status_id = 4 AND cause IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_task_stage_status_unread", table_name="task_stage_status")
    _group_by("reason")
    op.drop_column("task_stage_status", "cause")


def _group_by(text: str) -> None:
    """Compute the key from `text`; the one function that depends on the column is made again."""
    weeks = "failure_weeks(bigint[], text[])"
    definition = op.get_bind().scalar(
        sa.select(sa.func.pg_get_functiondef(sa.text(f"'{weeks}'::regprocedure")))
    )
    op.execute(f"DROP FUNCTION {weeks}")
    op.drop_index(INDEX, table_name="task_stage_status")
    op.drop_column("task_stage_status", "failure_key")
    key = f"CASE WHEN (status_id = 4) THEN failure_key({text}) ELSE NULL::text END"
    op.add_column("task_stage_status", sa.Column("failure_key", sa.Text(), sa.Computed(key, persisted=True)))
    op.create_index(
        INDEX, "task_stage_status", ["failure_key", "ended_at"], postgresql_where=sa.text("status_id = 4")
    )
    op.execute(str(definition))
