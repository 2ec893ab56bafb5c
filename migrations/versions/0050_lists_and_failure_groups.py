"""Indexes of the lists, and which failures belong together."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0040"
branch_labels = None
depends_on = None

# What differs between two failures of one cause is folded: times, ids, addresses, paths, numbers.
# docs/decisions/0013-failure-groups.md says why it is done here and in this order.
FOLD = r"""
CREATE FUNCTION fold_message(message text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    folded text := left(regexp_replace(btrim(coalesce(message, '')), '\s+', ' ', 'g'), 2000);
BEGIN
    folded := regexp_replace(folded, '\m[a-zA-Z][a-zA-Z0-9+.-]*://[^\s''"<>]+', '<url>', 'g');
    folded := regexp_replace(folded, '[\w.+-]+@[\w-]+(\.[\w-]+)+', '<email>', 'g');
    folded := regexp_replace(folded,
        '\m\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?(Z|[+-]\d\d:?\d\d)?', '<time>', 'g');
    folded := regexp_replace(folded, '\m\d{1,2}:\d\d(:\d\d([.,]\d+)?)?\M', '<time>', 'g');
    folded := regexp_replace(folded,
        '\m[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\M', '<id>', 'g');
    folded := regexp_replace(folded, '\m[a-zA-Z]:\\[^\s''"<>|,;]+', '<path>', 'g');
    folded := regexp_replace(folded, '(^|[\s''"(=:,\[])(\.{0,2}/[^\s''"<>|,;:()\[\]]+)', '\1<path>', 'g');
    folded := regexp_replace(folded, '\m[\w.-]+(/[\w.-]+){2,}', '<path>', 'g');
    folded := regexp_replace(folded, '\m0[xX][0-9a-fA-F]+\M', '<id>', 'g');
    folded := regexp_replace(folded, '\m(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\M',
        '<id>', 'g');
    folded := regexp_replace(folded, '\d+([.,]\d+)*', '<n>', 'g');
    RETURN left(folded, 300);
END
$$
"""
KEY = """
CREATE FUNCTION failure_key(reason text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN left(md5(lower(fold_message(reason))), 16)
"""


def upgrade() -> None:
    op.execute(FOLD)
    op.execute(KEY)
    op.execute("DELETE FROM idempotency_record WHERE answer IS NULL")
    op.drop_column("idempotency_record", "status")
    op.create_index("ix_task_assignment_id_id", "task", ["assignment_id", "id"])
    op.add_column(
        "task_stage_status",
        sa.Column(
            "failure_key",
            sa.Text(),
            sa.Computed(
                "CASE WHEN (status_id = 4) THEN failure_key(reason) ELSE NULL::text END", persisted=True
            ),
        ),
    )
    op.create_index(
        "ix_task_stage_status_failure_key",
        "task_stage_status",
        ["failure_key"],
        postgresql_where=sa.text("status_id = 4"),
    )
    op.create_index(
        "ix_task_stage_status_stage_id_status_id_task_id",
        "task_stage_status",
        ["stage_id", "status_id", "task_id"],
    )


def downgrade() -> None:
    op.drop_index("ix_task_stage_status_stage_id_status_id_task_id", table_name="task_stage_status")
    op.drop_index("ix_task_stage_status_failure_key", table_name="task_stage_status")
    op.drop_column("task_stage_status", "failure_key")
    op.drop_index("ix_task_assignment_id_id", table_name="task")
    op.add_column("idempotency_record", sa.Column("status", sa.SmallInteger()))
    op.execute("DROP FUNCTION failure_key(text)")
    op.execute("DROP FUNCTION fold_message(text)")
