"""Causes of failures of weeks that are over, and the marks that say which of them no longer hold."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0130"
down_revision = "0120"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# The lock is that of the tallies. It is taken before anything is looked up: what another transaction is
# about to commit is then either seen, or looks us up itself. docs/decisions/0022-failures-by-week.md
MARK = """
CREATE FUNCTION utc_week(moment timestamptz) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_trunc('week', moment AT TIME ZONE 'UTC')::date;
CREATE FUNCTION failure_mark_weeks(touched date[]) RETURNS void LANGUAGE sql
    BEGIN ATOMIC
    INSERT INTO failure_week_mark (week)
        SELECT w.week FROM failure_week w
        WHERE w.week = ANY(touched) AND NOT EXISTS (SELECT FROM failure_week_mark m WHERE m.week = w.week);
    END;
CREATE FUNCTION failure_lock() RETURNS void LANGUAGE sql
    BEGIN ATOMIC SELECT pg_advisory_xact_lock_shared(hashtextextended('tally', 0)); END;
CREATE FUNCTION failure_weeks(tasks bigint[], keys text[]) RETURNS date[] LANGUAGE sql STABLE
    RETURN ARRAY(
        SELECT utc_week(creation_timestamp) FROM task WHERE id = ANY(tasks)
        UNION SELECT utc_week((
            SELECT max(e.creation_timestamp) FROM task e
                JOIN task_attempt a ON a.task_id = e.id AND a.number = e.current_attempt
                JOIN task_stage_status s ON s.attempt_id = a.id AND s.status_id = 4
            WHERE e.created_by_id = t.created_by_id AND e.status_id = 4 AND e.assignment_id IS NOT NULL
                AND s.failure_key = changed.key
                AND (e.creation_timestamp, e.id) < (t.creation_timestamp, t.id)
                AND NOT EXISTS (SELECT FROM task_stage_status f WHERE f.attempt_id = s.attempt_id
                    AND f.position < s.position AND f.status_id = 4)
        )) FROM (
            SELECT * FROM unnest(tasks, keys) AS given(task_id, key)
            UNION SELECT task_id, failure_key FROM task_stage_status
                WHERE task_id = ANY(tasks) AND status_id = 4
        ) changed JOIN task t ON t.id = changed.task_id
    );
CREATE FUNCTION failure_weeks_of_students(students bigint[]) RETURNS date[] LANGUAGE sql STABLE
    RETURN ARRAY(
        SELECT DISTINCT utc_week(t.creation_timestamp) FROM task t
        WHERE t.created_by_id = ANY(students)
            AND EXISTS (SELECT FROM task_stage_status s WHERE s.task_id = t.id AND s.status_id = 4)
    );
"""
PASSED = """
        SELECT DISTINCT utc_week(e.creation_timestamp) FROM {rows}
            JOIN task e ON e.assignment_id = made.assignment_id AND e.created_by_id = made.created_by_id
                AND e.id < made.id AND e.status_id = 4
            WHERE {passed}
"""
CHANGED = {
    "task": f"""
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM made WHERE status_id = 3) THEN
            PERFORM failure_lock();
            PERFORM failure_mark_weeks(ARRAY({PASSED.format(rows="made", passed="made.status_id = 3")}));
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM failure_lock();
        PERFORM failure_mark_weeks(
            failure_weeks_of_students(ARRAY(SELECT DISTINCT created_by_id FROM gone))
            || ARRAY(SELECT DISTINCT utc_week(creation_timestamp) FROM gone));
    ELSE
        IF EXISTS (SELECT FROM made JOIN gone USING (id)
                WHERE (made.status_id = 3) <> (gone.status_id = 3)) THEN
            PERFORM failure_lock();
            PERFORM failure_mark_weeks(ARRAY({
        PASSED.format(rows="made JOIN gone USING (id)", passed="(made.status_id = 3) <> (gone.status_id = 3)")
    }));
        END IF;
        IF EXISTS (SELECT FROM made JOIN gone USING (id) WHERE made.current_attempt <> gone.current_attempt)
        THEN
            PERFORM failure_lock();
            PERFORM failure_mark_weeks(failure_weeks(ARRAY(
                SELECT DISTINCT made.id FROM made JOIN gone USING (id)
                    JOIN task_stage_status s ON s.task_id = made.id AND s.status_id = 4
                WHERE made.current_attempt <> gone.current_attempt), '{{}}'));
        END IF;
        IF EXISTS (SELECT FROM made JOIN gone USING (id)
                WHERE (made.assignment_id, made.created_by_id, made.creation_timestamp)
                    IS DISTINCT FROM (gone.assignment_id, gone.created_by_id, gone.creation_timestamp)) THEN
            PERFORM failure_lock();
            PERFORM failure_mark_weeks(
                failure_weeks_of_students(ARRAY(
                    SELECT created_by_id FROM made UNION SELECT created_by_id FROM gone))
                || ARRAY(SELECT DISTINCT utc_week(creation_timestamp) FROM gone));
        END IF;
    END IF;
""",
    "task_stage_status": """
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(task_id), array_agg(failure_key) INTO tasks, keys FROM made WHERE status_id = 4;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(task_id), array_agg(failure_key) INTO tasks, keys FROM gone WHERE status_id = 4;
    ELSE
        SELECT array_agg(changed.task_id), array_agg(changed.key) INTO tasks, keys
        FROM made JOIN gone USING (id),
            LATERAL (VALUES (made.task_id, made.failure_key), (gone.task_id, gone.failure_key))
                AS changed(task_id, key)
        WHERE changed.key IS NOT NULL
            AND (made.failure_key, made.ended_at, made.stage_id, made.position, made.attempt_id, made.task_id)
                IS DISTINCT FROM
                (gone.failure_key, gone.ended_at, gone.stage_id, gone.position, gone.attempt_id, gone.task_id);
    END IF;
    IF tasks IS NOT NULL THEN
        PERFORM failure_lock();
        PERFORM failure_mark_weeks(failure_weeks(tasks, keys));
    END IF;
""",
}
MOVED = """
CREATE FUNCTION assignment_failures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM made JOIN gone USING (id)
            WHERE (made.course_id, made.definition_id) <> (gone.course_id, gone.definition_id)) THEN
        PERFORM failure_lock();
        PERFORM failure_mark_weeks(ARRAY(
            SELECT DISTINCT utc_week(t.creation_timestamp) FROM made JOIN task t ON t.assignment_id = made.id
            WHERE EXISTS (SELECT FROM task_stage_status s WHERE s.task_id = t.id AND s.status_id = 4)));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER assignment_failures_update AFTER UPDATE ON assignment
    REFERENCING OLD TABLE AS gone NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION assignment_failures();
CREATE FUNCTION failure_triage_failures() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    judged failure_triage := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    PERFORM failure_lock();
    PERFORM failure_mark_weeks(ARRAY(
        SELECT DISTINCT utc_week(t.creation_timestamp) FROM assignment a
            JOIN task t ON t.assignment_id = a.id
            JOIN task_stage_status s ON s.task_id = t.id AND s.status_id = 4
        WHERE a.course_id = judged.course_id AND s.failure_key = judged.failure_key));
    RETURN NULL;
END $$;
CREATE TRIGGER failure_triage_failures AFTER INSERT OR UPDATE OR DELETE ON failure_triage
    FOR EACH ROW EXECUTE FUNCTION failure_triage_failures();
"""
ROWS = {
    "INSERT": "NEW TABLE AS made",
    "UPDATE": "OLD TABLE AS gone NEW TABLE AS made",
    "DELETE": "OLD TABLE AS gone",
}


def upgrade() -> None:
    op.create_table(
        "failure_week",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("week", name=op.f("pk_failure_week")),
    )
    op.create_table(
        "failure_week_mark",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure_week_mark")),
    )
    op.create_index("ix_failure_week_mark_week", "failure_week_mark", ["week"])
    numbers = postgresql.ARRAY(sa.BigInteger())
    op.create_table(
        "failure_tally",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("failure_key", sa.Text(), nullable=False),
        sa.Column("sample", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.Column("students", sa.BigInteger(), nullable=False),
        sa.Column("stages", numbers, nullable=False),
        sa.Column("versions", numbers, nullable=False),
        sa.Column("unsettled", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("ended", postgresql.ARRAY(MOMENT), nullable=False),
        sa.PrimaryKeyConstraint("week", "failure_key", name=op.f("pk_failure_tally")),
    )
    op.create_index(
        "ix_task_failed_of_student",
        "task",
        ["created_by_id", "creation_timestamp", "id"],
        postgresql_where=sa.text("status_id = 4"),
    )
    op.create_index(
        "ix_task_stage_status_failure_key_ended_at",
        "task_stage_status",
        ["failure_key", "ended_at"],
        postgresql_where=sa.text("status_id = 4"),
    )
    op.drop_index("ix_task_stage_status_failure_key", table_name="task_stage_status")
    op.execute(MARK)
    for table, body in CHANGED.items():
        op.execute(
            f"CREATE FUNCTION {table}_failures() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ DECLARE tasks bigint[]; keys text[]; BEGIN {body} RETURN NULL; END $$"
        )
        for action, rows in ROWS.items():
            op.execute(
                f"CREATE TRIGGER {table}_failures_{action.lower()} AFTER {action} ON {table} "
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {table}_failures()"
            )
    op.execute(MOVED)


def downgrade() -> None:
    for table in (*CHANGED, "assignment", "failure_triage"):
        op.execute(f"DROP FUNCTION {table}_failures() CASCADE")
    op.execute(
        "DROP FUNCTION failure_mark_weeks(date[]), failure_lock(), failure_weeks(bigint[], text[]), "
        "failure_weeks_of_students(bigint[]), utc_week(timestamptz)"
    )
    op.create_index(
        "ix_task_stage_status_failure_key",
        "task_stage_status",
        ["failure_key"],
        postgresql_where=sa.text("status_id = 4"),
    )
    op.drop_index("ix_task_stage_status_failure_key_ended_at", table_name="task_stage_status")
    op.drop_index("ix_task_failed_of_student", table_name="task")
    for table in ("failure_tally", "failure_week_mark", "failure_week"):
        op.drop_table(table)
