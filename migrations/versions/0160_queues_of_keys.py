"""Each routing key has one queue, whichever definitions use it; former bindings are kept until they are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0160"
down_revision = "0141"
branch_labels = None
depends_on = None

_BINDINGS = """
INSERT INTO queue_binding (exchange, routing_key, queue, left_at)
SELECT exchange, routing_key, queue,
    CASE WHEN queue = first_value(queue) OVER (
        PARTITION BY exchange, routing_key ORDER BY needed DESC, latest DESC
    ) THEN NULL ELSE now() END
FROM (
    SELECT s.exchange, s.routing_key, s.queue, max(s.id) AS latest,
        bool_or(d.current_version = v.number OR EXISTS (
            SELECT FROM task_attempt a
            WHERE a.version_id = v.id AND a.closed_at IS NULL AND a.ended_at IS NULL
        )) AS needed
    FROM definition_stage s
    JOIN definition_version v ON v.id = s.version_id
    JOIN task_definition d ON d.id = v.definition_id
    GROUP BY s.exchange, s.routing_key, s.queue
) known
"""
"""The queue that serves a key is the one that was bound until now: that of the stage defined last."""

_SHOWN = """
UPDATE definition_stage s SET queue = b.queue FROM queue_binding b
WHERE b.exchange = s.exchange AND b.routing_key = s.routing_key AND b.left_at IS NULL AND b.queue <> s.queue
"""


def upgrade() -> None:
    op.create_table(
        "queue_binding",
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("exchange", "routing_key", "queue", name=op.f("pk_queue_binding")),
    )
    op.create_index(
        "uq_queue_binding_serving",
        "queue_binding",
        ["exchange", "routing_key"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    op.execute(_BINDINGS)
    op.execute(_SHOWN)


def downgrade() -> None:
    op.drop_table("queue_binding")
