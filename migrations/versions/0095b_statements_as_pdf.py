"""Statements of assignments as PDF."""

import sqlalchemy as sa
from alembic import op

revision = "0095b"
down_revision = "0095a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assignment_statement",
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_by_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name=op.f("fk_assignment_statement_assignment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["stored_by_id"], ["users.id"], name=op.f("fk_assignment_statement_stored_by_id")
        ),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_assignment_statement")),
        sa.UniqueConstraint("path", name=op.f("uq_assignment_statement_path")),
    )


def downgrade() -> None:
    op.drop_table("assignment_statement")
