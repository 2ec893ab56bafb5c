"""Re-runs on trial: their attempts count only when somebody has applied them."""

import sqlalchemy as sa
from alembic import op

revision = "0095a"
down_revision = "0095"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "operation", sa.Column("is_trial", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("operation", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column("operation", sa.Column("decided_at", MOMENT, nullable=True))
    op.add_column("operation", sa.Column("decided_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_operation_decided_by_id"), "operation", "users", ["decided_by_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_operation_decision"),
        "operation",
        "decision IN ('applied', 'discarded') AND is_trial AND ended_at IS NOT NULL OR decision IS NULL",
    )
    op.create_check_constraint(
        op.f("ck_operation_decided"), "operation", "(decision IS NULL) = (decided_at IS NULL)"
    )
    op.add_column("operation_item", sa.Column("before_attempt", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("operation_item", "before_attempt")
    for column in ("decided_by_id", "decided_at", "decision", "is_trial"):
        op.drop_column("operation", column)
