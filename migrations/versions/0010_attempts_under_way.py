"""attempts under way, found without a look at all that have ended

Revision: 0010, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_task_attempt_under_way",
        "task_attempt",
        ["version_id", "published_at"],
        postgresql_where=sa.text("ended_at IS NULL AND closed_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_task_attempt_under_way", table_name="task_attempt")
