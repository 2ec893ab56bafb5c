"""When each loop of the worker last worked; when a copy that could not be made is tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0160b"
down_revision = "0150"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("within_seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("process", "loop", name=op.f("pk_heartbeat")),
    )
    op.add_column("task_attempt", sa.Column("copy_next_try_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("task_attempt", "copy_next_try_at")
    op.drop_table("heartbeat")
