"""attempts that nothing is heard of any more

Revision: 0075, after 0070
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task_attempt", sa.Column("stalled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "task_definition",
        sa.Column("requeue_stalled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("task_definition", "requeue_stalled")
    op.drop_column("task_attempt", "stalled_at")
