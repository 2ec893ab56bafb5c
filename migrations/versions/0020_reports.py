"""what the orchestrator reports

Revision: 0020, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0010"
branch_labels = None
depends_on = None


# As before, with one exception: a stage that was blamed for a failed upload, told by a crash that
# carried the next stage's tree, completes after all when that next stage is heard.
FORWARD_ONLY = """
CREATE OR REPLACE FUNCTION task_stage_status_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.run < OLD.run
       OR (OLD.status_id = 3 AND NEW.status_id <> 3)
       OR (NEW.run = OLD.run AND NEW.status_id <> OLD.status_id
           AND (OLD.status_id = 4 OR NEW.status_id < OLD.status_id)
           {exception})
    THEN
        RAISE EXCEPTION 'stage % of task % cannot go from % to % in run %',
            OLD.stage_id, OLD.task_id, OLD.status_id, NEW.status_id, NEW.run
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""

EXCEPTION = (
    "AND NOT (OLD.status_id = 4 AND NEW.status_id = 3 AND OLD.failed_by IS NOT DISTINCT FROM 'upload')"
)


def upgrade() -> None:
    op.create_table(
        "applied_report",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_applied_report")),
    )
    op.create_index("ix_applied_report_applied_at", "applied_report", ["applied_at"])
    op.create_table(
        "parked_report",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_size", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=True),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "applied_at IS NULL OR discarded_at IS NULL", name=op.f("ck_parked_report_handled_once")
        ),
        sa.ForeignKeyConstraint(["handled_by_id"], ["users.id"], name=op.f("fk_parked_report_handled_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_report")),
    )
    op.create_index(
        "ix_parked_report_waiting",
        "parked_report",
        ["id"],
        postgresql_where=sa.text("applied_at IS NULL AND discarded_at IS NULL"),
    )
    op.create_index("ix_parked_report_task_id", "parked_report", ["task_id"])
    for column in (
        sa.Column("verdict", sa.SmallInteger(), nullable=True),
        sa.Column("failed_by", sa.Text(), nullable=True),
        sa.Column("failed_tag", sa.BigInteger(), nullable=True),
        sa.Column("deliveries", postgresql.ARRAY(sa.BIGINT()), server_default="{}", nullable=False),
        sa.Column("early", postgresql.ARRAY(sa.BIGINT()), server_default="{}", nullable=False),
    ):
        op.add_column("task_stage_status", column)
    op.create_check_constraint("verdict", "task_stage_status", "verdict IN (3, 4)")
    op.create_check_constraint(
        "failed_by", "task_stage_status", "failed_by IN ('verdict', 'crash', 'upload')"
    )
    op.execute(FORWARD_ONLY.format(exception=EXCEPTION))


def downgrade() -> None:
    op.execute(FORWARD_ONLY.format(exception=""))
    for name in ("early", "deliveries", "failed_tag", "failed_by", "verdict"):
        op.drop_column("task_stage_status", name)
    op.drop_table("parked_report")
    op.drop_table("applied_report")
