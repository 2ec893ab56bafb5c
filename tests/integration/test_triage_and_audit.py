"""A cause of failures is open until somebody or a success closes it; who did what is written down."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.context import ORCHESTRATOR, Context
from core.errors import Invalid, NotAllowed, NotFound, NotRequeueable
from core.services import audit, monitoring, requeues, triage
from core.services.audit import AuditFilter
from core.services.monitoring import FailureGroup, Scope
from core.vocabulary import AuditAction, TriageState
from tests import builders
from tests.conftest import Clock


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


def failed(ctx: Context, world: builders.World, *, key: str = "key", reason: str = builders.REASON) -> int:
    task_id = builders.submit(ctx, world, key=key).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id, reason)
    return task_id


def groups(ctx: Context, world: builders.World) -> tuple[FailureGroup, ...]:
    return monitoring.group_failures(ctx, world.monitor, Scope(course_id=world.course_id)).groups


def handle(ctx: Context, world: builders.World, note: str = "Image mended") -> None:
    group = groups(ctx, world)[0]
    triage.set_state(ctx, world.monitor, world.course_id, group.id, TriageState.HANDLED, note=note)


def test_a_handled_cause_is_no_longer_open_and_says_who_and_why(ctx: Context, world: builders.World) -> None:
    failed(ctx, world)

    handle(ctx, world)

    (group,) = groups(ctx, world)
    assert (group.count, group.open, group.state) == (1, 0, TriageState.HANDLED)
    assert (group.owner_email, group.note) == ("monitor@uniandes.edu.co", "Image mended")


def test_what_fails_after_the_cause_was_handled_is_open_again(
    ctx: Context, world: builders.World, clock: Clock
) -> None:
    failed(ctx, world)
    clock.advance(minutes=1)
    handle(ctx, world)
    clock.advance(minutes=1)

    failed(ctx, world, key="again", reason="Line 99: unknown command")

    (group,) = groups(ctx, world)
    assert (group.count, group.open, group.state) == (2, 1, TriageState.OPEN)


def test_a_later_success_of_the_student_closes_the_failure(ctx: Context, world: builders.World) -> None:
    failed(ctx, world)
    task_id = builders.submit(ctx, world, key="better").task_id

    builders.reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 3})

    (group,) = groups(ctx, world)
    assert (group.count, group.open, group.state) == (1, 0, TriageState.HANDLED)


def test_an_acknowledged_cause_is_with_somebody(ctx: Context, world: builders.World) -> None:
    failed(ctx, world)
    group = groups(ctx, world)[0]

    triage.set_state(ctx, world.professor, world.course_id, group.id, TriageState.ACKNOWLEDGED, note="")

    (group,) = groups(ctx, world)
    assert (group.open, group.state) == (0, TriageState.ACKNOWLEDGED)
    assert group.owner_email == "professor@uniandes.edu.co"


def test_handling_a_cause_asks_for_a_note(ctx: Context, world: builders.World) -> None:
    failed(ctx, world)

    with pytest.raises(Invalid):
        handle(ctx, world, note=" ")


def test_only_who_teaches_the_course_says_how_a_cause_stands(ctx: Context, world: builders.World) -> None:
    failed(ctx, world)
    key = groups(ctx, world)[0].id

    with pytest.raises(NotAllowed):
        triage.set_state(ctx, world.student, world.course_id, key, TriageState.HANDLED, note="x")
    with pytest.raises(NotFound):
        triage.set_state(ctx, world.stranger, world.course_id, key, TriageState.HANDLED, note="x")
    with pytest.raises(NotFound):
        triage.set_state(ctx, world.monitor, world.course_id, "unknown", TriageState.HANDLED, note="x")


def test_the_audit_says_who_requeued_and_handled_what_and_why(ctx: Context, world: builders.World) -> None:
    task_id = failed(ctx, world)
    handle(ctx, world)
    requeues.requeue(ctx, world.monitor, task_id, note="new image")

    entries = audit.list_entries(ctx, world.professor, AuditFilter(course_id=world.course_id))

    assert [(entry.action, entry.actor_email, entry.note) for entry in entries[:2]] == [
        (AuditAction.REQUEUE, "monitor@uniandes.edu.co", "new image"),
        (AuditAction.TRIAGE, "monitor@uniandes.edu.co", "Image mended"),
    ]
    assert entries[0].task_id == task_id
    assert (entries[0].before["attempt"], entries[0].after["attempt"]) == (1, 2)


def test_what_was_not_done_is_not_in_the_audit(ctx: Context, world: builders.World) -> None:
    task_id = builders.submit(ctx, world).task_id

    with pytest.raises(NotRequeueable):
        requeues.requeue(ctx, world.monitor, task_id)

    assert audit.list_entries(ctx, world.monitor, AuditFilter(action=AuditAction.REQUEUE)) == []


def test_the_audit_is_for_those_who_teach_and_of_their_courses_only(
    ctx: Context, world: builders.World
) -> None:
    failed(ctx, world)
    handle(ctx, world)

    with pytest.raises(NotAllowed):
        audit.list_entries(ctx, world.student, AuditFilter())
    with pytest.raises(NotFound):
        audit.list_entries(ctx, world.stranger, AuditFilter(course_id=world.course_id))


@pytest.mark.parametrize("change", ["UPDATE audit_entry SET note = ''", "DELETE FROM audit_entry"])
def test_the_database_refuses_to_change_the_audit(ctx: Context, world: builders.World, change: str) -> None:
    failed(ctx, world)
    handle(ctx, world)

    with pytest.raises(IntegrityError), ctx.db.transaction() as session:
        session.execute(text(change))


def test_two_thousand_failures_of_twelve_causes_are_twelve_groups(
    ctx: Context, world: builders.World
) -> None:
    task_id = failed(ctx, world)
    with ctx.db.transaction() as session:
        session.execute(text(SEED), {"task": task_id})

    found = groups(ctx, world)

    assert len(found) in (12, 13)
    assert sum(group.count for group in found) == 2001


SEED = r"""
WITH source AS (SELECT * FROM task WHERE id = :task),
made AS (
    INSERT INTO task (assignment_id, created_by_id, creation_timestamp, submit_key, reference,
        original_path, original_name, original_size, original_sha256, stored_at, status_id)
    SELECT assignment_id, created_by_id, creation_timestamp, 'seed' || n, reference || n,
        original_path || n, original_name, original_size, original_sha256, stored_at, 4
    FROM source, generate_series(1, 2000) n RETURNING id, creation_timestamp
),
metrics AS (INSERT INTO task_metrics (task_id) SELECT id FROM made),
attempts AS (
    INSERT INTO task_attempt (task_id, number, version_id, file_path, created_at, ended_at)
    SELECT made.id, 1, (SELECT version_id FROM task_attempt WHERE task_id = :task),
        '/seed/' || made.id || '.zip', creation_timestamp, creation_timestamp
    FROM made RETURNING id, task_id, created_at
)
INSERT INTO task_stage_status
    (task_id, attempt_id, stage_id, position, status_id, started_at, ended_at, reason)
SELECT task_id, id, 1, 0, 4, created_at, created_at, (ARRAY[
    'Line ' || id || ': unknown command ''M' || id || '''',
    'Timeout after ' || id || '.5 s', 'No such file: /srv/jobs/' || id || '/main.gcode',
    'Container a1b2c3d4e5f' || id || ' was killed', 'Out of memory: ' || id || ' MB',
    'Permission denied: /tmp/x' || id, 'Connection to 10.0.0.' || id || ' refused',
    'Segmentation fault at 0x' || id || 'ff', 'expected ' || id || ' but got ' || id + 1,
    'Test case ' || id || ' not found', 'Disk quota of ' || id || ' kB exceeded',
    'Nozzle is ' || id || ' degrees too cold'])[1 + id % 12]
FROM attempts
"""
