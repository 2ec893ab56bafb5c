"""All accounts are listed as people sort them without sorting all of them each time."""

import sqlalchemy as sa
from alembic import op

revision = "0141"
down_revision = "0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_users_natural_email", "users", [sa.text('natural_key(email) COLLATE "C"'), "id"])


def downgrade() -> None:
    op.drop_index("ix_users_natural_email", "users")
