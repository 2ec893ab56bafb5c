"""Files that wait to be deleted, and an image for each stage of each definition."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unneeded_file",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_unneeded_file")),
    )


def downgrade() -> None:
    op.drop_table("unneeded_file")
