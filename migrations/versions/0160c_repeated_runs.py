"""Attempts that ran several times: found quickly when they crash without end, and checked for lost files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0160c"
down_revision = "0160b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task_attempt", sa.Column("results_checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "task_attempt",
        sa.Column("results_lack", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.create_index(
        "ix_task_attempt_repeated",
        "task_attempt",
        ["run"],
        postgresql_where=sa.text("run > 1 AND closed_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_task_attempt_repeated", "task_attempt")
    op.drop_column("task_attempt", "results_lack")
    op.drop_column("task_attempt", "results_checked_at")
