"""Which reports that were dealt with the broker knows to be done."""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "applied_report",
        sa.Column("is_acknowledged", sa.Boolean(), server_default=sa.true(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("applied_report", "is_acknowledged")
