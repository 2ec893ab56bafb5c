"""Messages carry the id of the request that caused them, so that logs of all processes can be joined."""

import sqlalchemy as sa
from alembic import op

revision = "0150"
down_revision = "0140a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("request_id", sa.Text))


def downgrade() -> None:
    op.drop_column("outbox", "request_id")
