"""Dry runs: tasks of a definition, without an assignment."""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("task", "assignment_id", existing_type=sa.BigInteger(), nullable=True)
    op.add_column("task", sa.Column("dry_run_of", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_task_dry_run_of"), "task", "task_definition", ["dry_run_of"], ["id"], ondelete="CASCADE"
    )
    op.create_check_constraint(op.f("ck_task_place"), "task", "num_nonnulls(assignment_id, dry_run_of) = 1")
    op.create_index(
        "ix_task_dry_run_of", "task", ["dry_run_of"], postgresql_where=sa.text("dry_run_of IS NOT NULL")
    )


def downgrade() -> None:
    op.execute("DELETE FROM task WHERE dry_run_of IS NOT NULL")
    op.drop_column("task", "dry_run_of")
    op.alter_column("task", "assignment_id", existing_type=sa.BigInteger(), nullable=False)
