"""Counts of days that are over, and the marks that say which of them no longer hold."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0085"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# Who counts a day holds the lock alone, who changes rows shares it: no change can fall between the
# counting of its day and the mark. docs/decisions/0018-tallies.md
MARK = """
CREATE FUNCTION tally_mark_days(touched date[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('tally', 0));
    INSERT INTO tally_mark (day)
        SELECT d.day FROM tally_day d
        WHERE d.day = ANY(touched) AND NOT EXISTS (SELECT FROM tally_mark m WHERE m.day = d.day);
END $$;
CREATE FUNCTION utc_day(moment timestamptz) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (moment AT TIME ZONE 'UTC')::date;
CREATE FUNCTION tally_days_of_tasks(tasks bigint[]) RETURNS date[] LANGUAGE sql STABLE
    RETURN ARRAY(
        SELECT utc_day(creation_timestamp) FROM task WHERE id = ANY(tasks)
        UNION SELECT utc_day(ended_at) FROM task_attempt WHERE task_id = ANY(tasks)
        UNION SELECT utc_day(ended_at) FROM task_stage_status WHERE task_id = ANY(tasks)
    );
"""
CHANGED = {
    "task": """
    IF TG_OP = 'INSERT' THEN
        PERFORM tally_mark_days(ARRAY(SELECT utc_day(creation_timestamp) FROM made));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM tally_mark_days(ARRAY(SELECT utc_day(creation_timestamp) FROM gone));
    ELSE
        PERFORM tally_mark_days(
            tally_days_of_tasks(ARRAY(SELECT made.id FROM made JOIN gone USING (id)
                WHERE (made.status_id, made.current_attempt, made.assignment_id, made.creation_timestamp)
                    <> (gone.status_id, gone.current_attempt, gone.assignment_id, gone.creation_timestamp)))
            || ARRAY(SELECT utc_day(gone.creation_timestamp) FROM made JOIN gone USING (id)
                WHERE made.creation_timestamp <> gone.creation_timestamp));
    END IF;
""",
    "task_attempt": """
    IF TG_OP <> 'DELETE' THEN
        PERFORM tally_mark_days(ARRAY(SELECT DISTINCT utc_day(ended_at) FROM made WHERE ended_at IS NOT NULL));
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM tally_mark_days(ARRAY(SELECT DISTINCT utc_day(ended_at) FROM gone WHERE ended_at IS NOT NULL));
    END IF;
""",
    "task_stage_status": """
    IF TG_OP <> 'DELETE' THEN
        PERFORM tally_mark_days(ARRAY(
            SELECT utc_day(ended_at) FROM made WHERE ended_at IS NOT NULL
            UNION SELECT utc_day(t.creation_timestamp) FROM made JOIN task t ON t.id = made.task_id
            UNION SELECT utc_day(a.ended_at) FROM made JOIN task_attempt a ON a.id = made.attempt_id
                WHERE a.ended_at IS NOT NULL));
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM tally_mark_days(ARRAY(
            SELECT utc_day(ended_at) FROM gone WHERE ended_at IS NOT NULL
            UNION SELECT utc_day(t.creation_timestamp) FROM gone JOIN task t ON t.id = gone.task_id
            UNION SELECT utc_day(a.ended_at) FROM gone JOIN task_attempt a ON a.id = gone.attempt_id
                WHERE a.ended_at IS NOT NULL));
    END IF;
""",
    "requeue_event": """
    IF TG_OP <> 'DELETE' THEN
        PERFORM tally_mark_days(ARRAY(SELECT DISTINCT utc_day(at) FROM made));
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM tally_mark_days(ARRAY(SELECT DISTINCT utc_day(at) FROM gone));
    END IF;
""",
}
MOVED = """
CREATE FUNCTION assignment_tally() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved bigint[] := ARRAY(SELECT t.id FROM made JOIN gone USING (id) JOIN task t ON t.assignment_id = made.id
        WHERE (made.course_id, made.definition_id) <> (gone.course_id, gone.definition_id));
BEGIN
    PERFORM tally_mark_days(tally_days_of_tasks(moved)
        || ARRAY(SELECT utc_day(at) FROM requeue_event WHERE task_id = ANY(moved)));
    RETURN NULL;
END $$;
CREATE TRIGGER assignment_tally_update AFTER UPDATE ON assignment
    REFERENCING OLD TABLE AS gone NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION assignment_tally();
"""
ROWS = {
    "INSERT": "NEW TABLE AS made",
    "UPDATE": "OLD TABLE AS gone NEW TABLE AS made",
    "DELETE": "OLD TABLE AS gone",
}


def upgrade() -> None:
    op.create_table(
        "tally_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_tally_day")),
    )
    op.create_table(
        "tally_mark",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally_mark")),
    )
    op.create_index("ix_tally_mark_day", "tally_mark", ["day"])
    op.create_table(
        "tally",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("stage_id", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "kind", "course_id", "at", "definition_id", "stage_id", "detail", name=op.f("pk_tally")
        ),
    )
    op.create_index("ix_tally_at", "tally", ["at"])
    op.create_index("ix_task_creation_timestamp", "task", ["creation_timestamp"])
    op.create_index("ix_task_attempt_ended_at", "task_attempt", ["ended_at"])
    op.execute(MARK)
    for table, body in CHANGED.items():
        op.execute(
            f"CREATE FUNCTION {table}_tally() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NULL; END $$"
        )
        for action, rows in ROWS.items():
            op.execute(
                f"CREATE TRIGGER {table}_tally_{action.lower()} AFTER {action} ON {table} REFERENCING {rows} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_tally()"
            )
    op.execute(MOVED)


def downgrade() -> None:
    for table in (*CHANGED, "assignment"):
        op.execute(f"DROP FUNCTION {table}_tally() CASCADE")
    op.execute("DROP FUNCTION tally_mark_days(date[]), tally_days_of_tasks(bigint[]), utc_day(timestamptz)")
    op.drop_index("ix_task_attempt_ended_at", table_name="task_attempt")
    op.drop_index("ix_task_creation_timestamp", table_name="task")
    for table in ("tally", "tally_mark", "tally_day"):
        op.drop_table(table)
