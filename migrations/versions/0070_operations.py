"""Work in the background on many submissions at once."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0060"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "operation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("started_by_id", sa.BigInteger(), nullable=False),
        sa.Column("start_key", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("stopped_at", MOMENT),
        sa.Column("stopped_by_id", sa.BigInteger()),
        sa.CheckConstraint("total > 0", name=op.f("ck_operation_total")),
        sa.CheckConstraint("stopped_at IS NULL OR ended_at IS NOT NULL", name=op.f("ck_operation_stopped")),
        sa.ForeignKeyConstraint(["started_by_id"], ["users.id"], name=op.f("fk_operation_started_by_id")),
        sa.ForeignKeyConstraint(["stopped_by_id"], ["users.id"], name=op.f("fk_operation_stopped_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("started_by_id", "start_key", name=op.f("uq_operation_started_by_id_start_key")),
    )
    op.create_index("ix_operation_open", "operation", ["id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("ix_operation_started_by_id_id", "operation", ["started_by_id", "id"])
    op.create_table(
        "operation_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("attempt", sa.BigInteger()),
        sa.Column("done_at", MOMENT),
        sa.CheckConstraint("(outcome IS NULL) = (done_at IS NULL)", name=op.f("ck_operation_item_done")),
        sa.CheckConstraint(
            "(outcome = 'requeued') = (attempt IS NOT NULL)", name=op.f("ck_operation_item_attempt")
        ),
        sa.CheckConstraint(
            "outcome IN ('requeued', 'not_failed', 'too_many', 'gone', 'not_allowed', 'error')",
            name=op.f("ck_operation_item_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["operation.id"],
            name=op.f("fk_operation_item_operation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation_item")),
        sa.UniqueConstraint("operation_id", "task_id", name=op.f("uq_operation_item_operation_id_task_id")),
    )
    op.create_index(
        "ix_operation_item_waiting",
        "operation_item",
        ["operation_id", "id"],
        postgresql_where=sa.text("outcome IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("operation_item")
    op.drop_table("operation")
