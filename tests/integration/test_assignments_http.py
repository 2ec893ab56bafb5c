"""Assignments over HTTP (contract 1, 1.1 and 1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from api.app import create_app
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.models import Assignment, OutboxMessage, Task, UnneededFile
from core.services import courses, reports
from core.vocabulary import Role
from tests import builders
from tests.builders import World
from tests.http_worlds import create, definition, signed_in, stage
from tests.locks import waits_for_a_lock
from tests.statements import counted
from tests.waiting import eventually


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx), follow_redirects=False) as made:
        yield made


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


@pytest.fixture
def professor(ctx: Context, world: World) -> dict[str, str]:
    return signed_in(ctx, world.professor)


@pytest.fixture
def student(ctx: Context, world: World) -> dict[str, str]:
    return signed_in(ctx, world.student)


def body(world: World, **overrides: Any) -> dict[str, Any]:
    return {
        "assignment_name": "Print a ball",
        "assignment_description": "round",
        "assignment_start_date": "2026-03-01T00:00:00Z",
        "assignment_end_date": "2026-03-09T04:59:00Z",
        "task_definition_id": world.definition_id,
    } | overrides


RULES = {
    "grace_minutes": 0,
    "late_policy": "refuse",
    "most_submissions": 0,
    "limit_mb": 0,
    "required_names": [],
}


def count(ctx: Context, model: type) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def files(ctx: Context) -> list[str]:
    return [
        file.path
        for folder in ("originals", "attempts")
        for file in ctx.storage.list_files(ctx.storage.path(folder))
    ]


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_assignment_is_opened_and_found_by_both_spellings(
    client: TestClient, world: World, professor: dict[str, str], slash: str
) -> None:
    path = f"/courses/{world.course_id}/assignments{slash}"

    made = client.post(path, headers=professor, json=body(world))

    assert made.status_code == 201
    expected = body(world) | {
        "id": made.json()["id"],
        "course_id": world.course_id,
        "task_definition": {"id": world.definition_id, "definition_name": "G-code"},
        "state": "open",
        "rules": RULES,
        "submissions": 0,
    }
    assert made.json() == expected
    listed = client.get(path, headers=professor).json()
    more: dict[str, Any] = {"tasks": [], "parsing_status": None, "execution_status": None}
    assert [entry for entry in listed if entry["id"] == made.json()["id"]] == [expected | more]
    one = client.get(f"/assignments/{made.json()['id']}{slash}", headers=professor)
    assert one.json() == expected | more


def test_a_time_without_an_offset_is_utc_and_goes_out_with_one(
    client: TestClient, world: World, professor: dict[str, str]
) -> None:
    sent = body(
        world, assignment_start_date="2026-03-01T08:00:00", assignment_end_date="2026-03-05T23:59:00-05:00"
    )

    made = client.post(f"/courses/{world.course_id}/assignments", headers=professor, json=sent).json()

    assert made["assignment_start_date"] == "2026-03-01T08:00:00Z"
    assert made["assignment_end_date"] == "2026-03-06T04:59:00Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"assignment_name": " "}, "assignment_name"),
        ({"assignment_name": "x" * 201}, "assignment_name"),
        ({"assignment_name": "a\x00"}, "assignment_name"),
        ({"assignment_name": None}, "assignment_name"),
        ({"assignment_description": "\x00"}, "assignment_description"),
        ({"assignment_end_date": "2026-03-01T00:00:00"}, "assignment_end_date"),
        ({"assignment_start_date": "tomorrow"}, "assignment_start_date"),
        ({"assignment_start_date": "0001-01-01T00:00:00+14:00"}, "assignment_start_date"),
        ({"assignment_end_date": "9999-12-31T23:59:59-14:00"}, "assignment_end_date"),
        ({"task_definition_id": 999_999}, "task_definition_id"),
        ({"task_definition_id": 2**70}, "task_definition_id"),
    ],
)
def test_a_field_that_cannot_be_accepted_is_named(
    client: TestClient, world: World, professor: dict[str, str], change: dict[str, Any], field: str
) -> None:
    path = f"/courses/{world.course_id}/assignments"

    answers = [
        client.post(path, headers=professor, json=body(world, **change)),
        client.put(f"/assignments/{world.assignment_id}", headers=professor, json=body(world, **change)),
    ]

    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert [entry["field"] for entry in answer.json()["errors"]] == [field]


def test_a_name_is_taken_once_per_course(client: TestClient, world: World, professor: dict[str, str]) -> None:
    path = f"/courses/{world.course_id}/assignments"

    twice = client.post(path, headers=professor, json=body(world, assignment_name=" Print a cube "))
    other = client.post(path, headers=professor, json=body(world)).json()
    renamed = client.put(
        f"/assignments/{other['id']}", headers=professor, json=body(world, assignment_name="Print a cube")
    )

    assert (twice.status_code, renamed.status_code) == (409, 409)


@pytest.mark.parametrize(
    ("who", "status"), [("professor", 409), ("monitor", 403), ("student", 403), ("stranger", 404), ("", 401)]
)
def test_only_the_professors_of_the_course_open_change_and_delete(
    client: TestClient, ctx: Context, world: World, *, who: str, status: int
) -> None:
    builders.submit(ctx, world)
    headers = signed_in(ctx, getattr(world, who)) if who else {}
    other = create(client, signed_in(ctx, world.professor), definition(stage("A", "a")), [("a", b"1")])
    one = f"/assignments/{world.assignment_id}"
    taken = body(world, assignment_name="Print a cube")

    answers = [
        client.post(f"/courses/{world.course_id}/assignments", headers=headers, json=taken),
        client.put(one, headers=headers, json=body(world, task_definition_id=other["id"])),
        client.delete(one, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [status] * 3


def test_a_stranger_cannot_tell_an_assignment_from_none(
    client: TestClient, ctx: Context, world: World
) -> None:
    headers = signed_in(ctx, world.stranger)

    answers = [
        (client.get(path, headers=headers), client.delete(path, headers=headers))
        for path in (f"/assignments/{world.assignment_id}", "/assignments/999999")
    ]

    assert [[(one.status_code, one.json()) for one in pair] for pair in answers[:1]] == [
        [(one.status_code, one.json()) for one in pair] for pair in answers[1:]
    ]
    assert client.get(f"/courses/{world.course_id}/assignments", headers=headers).status_code == 404


def test_a_professor_of_another_course_is_a_stranger_here(
    client: TestClient, ctx: Context, world: World
) -> None:
    elsewhere = courses.create_course(ctx, PLATFORM, name="Chemistry")
    courses.enrol(ctx, PLATFORM, elsewhere, world.stranger.user_id or 0, Role.PROFESSOR)

    answer = client.delete(f"/assignments/{world.assignment_id}", headers=signed_in(ctx, world.stranger))

    assert answer.status_code == 404
    assert count(ctx, Assignment) == 1


def test_the_definition_is_fixed_once_somebody_submitted_and_the_rest_is_not(
    client: TestClient, ctx: Context, world: World, professor: dict[str, str]
) -> None:
    other = create(client, professor, definition(stage("A", "a")), [("a", b"1")])
    path = f"/assignments/{world.assignment_id}"
    before = client.put(path, headers=professor, json=body(world, task_definition_id=other["id"]))
    client.put(path, headers=professor, json=body(world))
    builders.submit(ctx, world)

    fixed = client.put(path, headers=professor, json=body(world, task_definition_id=other["id"]))
    rest = client.put(path, headers=professor, json=body(world, assignment_description="changed"))

    assert before.json()["task_definition"]["definition_name"] == "Cypress"
    assert (fixed.status_code, fixed.json()["title"]) == (409, "DefinitionFixed")
    assert (rest.status_code, rest.json()["assignment_description"]) == (200, "changed")
    assert rest.json()["submissions"] == 1


def test_an_assignment_without_submissions_is_deleted(
    client: TestClient, ctx: Context, world: World, professor: dict[str, str]
) -> None:
    answer = client.delete(f"/assignments/{world.assignment_id}", headers=professor)

    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"/assignments/{world.assignment_id}", headers=professor).status_code == 404


def test_submissions_keep_their_assignment_unless_it_is_forced_and_then_go_with_their_files(
    client: TestClient, ctx: Context, world: World, professor: dict[str, str]
) -> None:
    builders.submit(ctx, world)
    builders.carry(ctx)
    path = f"/assignments/{world.assignment_id}"

    kept = client.delete(path, headers=professor)
    before = len(files(ctx))
    forced = client.delete(f"{path}?force=true", headers=professor)

    assert (kept.status_code, kept.json()["title"], before) == (409, "HasSubmissions", 2)
    assert forced.status_code == 204
    assert (count(ctx, Task), count(ctx, OutboxMessage), count(ctx, UnneededFile)) == (0, 0, 0)
    assert files(ctx) == []


def test_a_student_finds_their_latest_work_in_the_list_and_nobody_elses(
    client: TestClient, ctx: Context, world: World, student: dict[str, str]
) -> None:
    path = f"/courses/{world.course_id}/assignments"
    nothing = client.get(path, headers=student).json()[0]
    builders.submit(ctx, world, key="first")
    latest = builders.submit(ctx, world, key="second")
    reports.set_stage_statuses(ctx, ORCHESTRATOR, latest.task_id, {"PARSING": 3, "EXECUTION": 2})
    builders.submit(ctx, replaced(world, fellow(ctx, world)), key="fellow")

    mine = client.get(path, headers=student).json()[0]

    assert (nothing["tasks"], nothing["parsing_status"]) == ([], "not_submitted")
    assert [task["id"] for task in mine["tasks"]] == [latest.task_id]
    statuses = mine["tasks"][0]["stage_statuses"]
    assert [
        (entry["processing_stage"]["stage_name"], entry["processing_status"]["status_name"])
        for entry in statuses
    ] == [("PARSING", "COMPLETED"), ("EXECUTION", "IN_PROGRESS")]
    assert (mine["parsing_status"], mine["execution_status"]) == ("COMPLETED", "IN_PROGRESS")
    assert mine["submissions"] is None, "how many others there are is not for students"


def test_a_stage_that_the_definition_lacks_is_not_started(
    client: TestClient, ctx: Context, world: World, professor: dict[str, str], *, student: dict[str, str]
) -> None:
    other = create(client, professor, definition(stage("PARSING")), [("parsing.tar.gz", b"1")])
    client.put(
        f"/assignments/{world.assignment_id}",
        headers=professor,
        json=body(world, task_definition_id=other["id"]),
    )
    builders.submit(ctx, world)

    mine = client.get(f"/assignments/{world.assignment_id}", headers=student).json()

    assert (mine["parsing_status"], mine["execution_status"]) == ("PENDING", "not_started")


def test_a_student_reads_an_assignment_with_their_submission_stages_and_log(
    client: TestClient, ctx: Context, world: World, student: dict[str, str]
) -> None:
    task_id = builders.submit(ctx, world).task_id
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "Task received for processing")

    mine = client.get(f"/assignments/{world.assignment_id}", headers=student).json()

    (task,) = mine["tasks"]
    assert task["id"] == task_id
    assert [entry["processing_stage"]["stage_name"] for entry in task["stage_statuses"]] == [
        "PARSING",
        "EXECUTION",
    ]
    assert "Task received for processing" in [line["log_message"] for line in task["logs"]]
    assert mine["task_definition"] == {"id": world.definition_id, "definition_name": "G-code"}


def test_a_list_that_has_not_changed_is_not_sent_again(
    client: TestClient, ctx: Context, world: World, student: dict[str, str]
) -> None:
    path = f"/courses/{world.course_id}/assignments"
    etag = client.get(path, headers=student).headers["etag"]

    same = client.get(path, headers=student | {"If-None-Match": etag})
    builders.submit(ctx, world)
    changed = client.get(path, headers=student | {"If-None-Match": etag})

    assert (same.status_code, changed.status_code) == (304, 200)


def test_the_lists_take_as_many_statements_for_many_as_for_one(
    client: TestClient, ctx: Context, world: World, professor: dict[str, str], *, student: dict[str, str]
) -> None:
    paths = [f"/courses/{world.course_id}/assignments", f"/assignments/{world.assignment_id}"]
    readers = [(path, headers) for path in paths for headers in (professor, student)]
    readers.append(("/task-definitions", professor))
    builders.submit(ctx, world, key="one")
    for path, headers in readers:  # whose token is new is noted with the first call
        client.get(path, headers=headers)
    few = [counted(ctx, partial(client.get, at[0], headers=at[1])) for at in readers]

    for number in range(6):
        made = create(
            client, professor, definition(stage("A", "a"), name=f"Definition {number}"), [("a", b"1")]
        )
        opened = client.post(
            paths[0],
            headers=professor,
            json=body(world, assignment_name=f"Task {number}", task_definition_id=made["id"]),
        ).json()
        builders.submit(ctx, replaced(world, world.student, opened["id"]), key=f"more {number}")
        builders.submit(ctx, world, key=f"again {number}")
    many = [counted(ctx, partial(client.get, at[0], headers=at[1])) for at in readers]

    assert many == few
    assert max(many) <= 15


def test_a_definition_is_not_deleted_while_an_assignment_of_it_is_being_opened(
    client: TestClient, ctx: Context, world: World, professor: dict[str, str]
) -> None:
    made = create(client, professor)

    with ThreadPoolExecutor(1) as pool:
        with ctx.db.transaction() as session:
            session.add(
                Assignment(
                    course_id=world.course_id,
                    definition_id=made["id"],
                    assignment_name="Being opened",
                    assignment_start_date=ctx.now(),
                    assignment_end_date=ctx.now() + timedelta(days=1),
                    created_by_id=world.professor.user_id or 0,
                    creation_timestamp=ctx.now(),
                )
            )
            session.flush()
            deleting = pool.submit(client.delete, f"/task-definitions/{made['id']}", headers=professor)
            eventually(lambda: waits_for_a_lock(ctx))
        answer = deleting.result(60)

    assert (answer.status_code, answer.json()["names"]) == (409, ["Being opened"])


def fellow(ctx: Context, world: World) -> Actor:
    made = builders.person(ctx, "fellow")
    courses.enrol(ctx, PLATFORM, world.course_id, made.user_id or 0, Role.STUDENT)
    return made


def replaced(world: World, student: Actor, assignment_id: int | None = None) -> World:
    return replace(world, student=student, assignment_id=assignment_id or world.assignment_id)
