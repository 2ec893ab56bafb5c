"""Room for the acknowledgement of a report next to its row, so that no index is touched by it."""

from alembic import op

revision = "0097"
down_revision = "0095b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE applied_report SET (fillfactor = 50)")


def downgrade() -> None:
    op.execute("ALTER TABLE applied_report RESET (fillfactor)")
