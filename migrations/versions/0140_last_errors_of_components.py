"""What was last wrong with Postgres, the file server and the broker, for those who look later."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0140"
down_revision = "0130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "component_error",
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("texts", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "component IN ('database', 'files', 'broker')", name=op.f("ck_component_error_component")
        ),
        sa.PrimaryKeyConstraint("component", name=op.f("pk_component_error")),
    )


def downgrade() -> None:
    op.drop_table("component_error")
