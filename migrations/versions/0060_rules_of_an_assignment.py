"""Rules of an assignment: grace, late work, how many, how large, which files; and extensions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0060"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("grace_minutes", "most_submissions", "limit_mb"):
        op.add_column(
            "assignment", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
        op.create_check_constraint(op.f(f"ck_assignment_{name}"), "assignment", f"{name} >= 0")
    op.add_column("assignment", sa.Column("late_policy", sa.Text(), server_default="refuse", nullable=False))
    op.create_check_constraint(
        op.f("ck_assignment_late_policy"), "assignment", "late_policy IN ('refuse', 'mark')"
    )
    op.add_column(
        "assignment", sa.Column("required_names", ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("task", sa.Column("is_late", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "assignment_extension",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("granted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name=op.f("fk_assignment_extension_assignment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_assignment_extension_user_id")),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["users.id"], name=op.f("fk_assignment_extension_granted_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_extension")),
        sa.UniqueConstraint(
            "assignment_id", "user_id", name=op.f("uq_assignment_extension_assignment_id_user_id")
        ),
    )


def downgrade() -> None:
    op.drop_table("assignment_extension")
    op.drop_column("task", "is_late")
    for name in ("required_names", "late_policy", "limit_mb", "most_submissions", "grace_minutes"):
        op.drop_column("assignment", name)
