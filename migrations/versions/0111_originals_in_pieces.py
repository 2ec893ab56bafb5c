"""Originals that wait in Postgres for the file server, in pieces of bounded size."""

import sqlalchemy as sa
from alembic import op

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "original_bytes", sa.Column("part", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.alter_column("original_bytes", "part", server_default=None)
    op.drop_constraint(op.f("pk_original_bytes"), "original_bytes", type_="primary")
    op.create_primary_key(op.f("pk_original_bytes"), "original_bytes", ["task_id", "part"])
    op.create_index("ix_task_kept", "task", ["id"], postgresql_where=sa.text("stored_at = 'postgres'"))


def downgrade() -> None:
    op.drop_index("ix_task_kept", "task")
    op.execute("DELETE FROM original_bytes WHERE part > 0")
    op.drop_constraint(op.f("pk_original_bytes"), "original_bytes", type_="primary")
    op.create_primary_key(op.f("pk_original_bytes"), "original_bytes", ["task_id"])
    op.drop_column("original_bytes", "part")
