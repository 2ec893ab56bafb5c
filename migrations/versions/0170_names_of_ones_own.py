"""Lists of students correct a name until its owner has written it."""

import sqlalchemy as sa
from alembic import op

revision = "0170"
down_revision = "0160a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("name_is_own", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE users SET name_is_own = true WHERE password_hash IS NOT NULL AND full_name <> ''")


def downgrade() -> None:
    op.drop_column("users", "name_is_own")
