"""Tasks over HTTP: lists, one in full, its files, and the callbacks' shapes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from api.app import create_app
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.services import accounts, assignments, courses, definitions, reports, requeues
from core.services.assignments import AssignmentDraft
from core.services.definitions import StageDraft
from core.vocabulary import Role
from tests import builders
from tests.conftest import Clock

TOKEN = {"Authorization": "Bearer test-callback-token", "Accept-Language": "en"}


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx)) as made:
        yield made


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


def signed_in(ctx: Context, actor: Actor) -> dict[str, str]:
    token = accounts.issue_api_token(ctx, actor.user_id or 0)
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


def submit_many(ctx: Context, world: builders.World, number: int) -> list[int]:
    return [builders.submit(ctx, world, key=f"k{index}").task_id for index in range(number)]


def classmate(ctx: Context, world: builders.World, name: str = "classmate") -> Actor:
    actor = builders.person(ctx, name)
    courses.enrol(ctx, PLATFORM, world.course_id, actor.user_id or 0, Role.STUDENT)
    return actor


def names(task: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (stage["processing_stage"]["stage_name"], stage["processing_status"]["status_name"])
        for stage in task["stage_statuses"]
    ]


def test_pages_hold_each_task_once_newest_first_while_others_arrive(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    mine = submit_many(ctx, world, 5)
    headers = signed_in(ctx, world.monitor)

    first = client.get("/tasks", params={"limit": 2}, headers=headers).json()
    builders.submit(ctx, world, key="late")
    seen, cursor = [task["id"] for task in first["items"]], first["next_cursor"]
    while cursor:
        page = client.get("/tasks", params={"limit": 2, "cursor": cursor}, headers=headers).json()
        seen, cursor = seen + [task["id"] for task in page["items"]], page["next_cursor"]

    assert seen == mine[::-1]


def test_filters_narrow_the_list(
    client: TestClient, ctx: Context, world: builders.World, clock: Clock
) -> None:
    waiting, failed, passed = submit_many(ctx, world, 3)
    builders.fail(ctx, ORCHESTRATOR, failed)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, passed, {"PARSING": 3, "EXECUTION": 3})
    clock.advance(hours=1)
    other = builders.submit(
        ctx, builders.World(**(vars(world) | {"student": classmate(ctx, world)})), key="other"
    ).task_id
    headers = signed_in(ctx, world.professor)

    def listed(**filters: Any) -> set[int]:
        answer = client.get("/tasks", params=filters, headers=headers)
        assert answer.status_code == 200
        return {task["id"] for task in answer.json()["items"]}

    assert listed() == {waiting, failed, passed, other}
    assert listed(status="FAILED") == listed(status=4) == {failed}
    assert listed(stage="PARSING", status="COMPLETED") == {passed}
    assert listed(stage="EXECUTION", status="PENDING") == {waiting, failed, other}
    assert listed(stage="VISUALIZATION") == set()
    assert listed(student_id=world.student.user_id) == {waiting, failed, passed}
    assert listed(since=clock.moment.replace(tzinfo=None).isoformat()) == {other}
    assert listed(assignment_id=world.assignment_id, course_id=world.course_id, status=1) == {waiting, other}


def test_a_stage_filter_minds_the_current_attempt_only(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.monitor, task_id)

    answer = client.get(
        "/tasks", params={"stage": "PARSING", "status": "FAILED"}, headers=signed_in(ctx, world.monitor)
    )

    assert answer.json()["items"] == []


def test_everybody_lists_what_they_may_see(client: TestClient, ctx: Context, world: builders.World) -> None:
    mine = builders.submit(ctx, world).task_id
    other_student = classmate(ctx, world)
    theirs = builders.submit(
        ctx, builders.World(**(vars(world) | {"student": other_student})), key="theirs"
    ).task_id
    course = courses.create_course(ctx, PLATFORM, name="Another")
    courses.enrol(ctx, PLATFORM, course, world.stranger.user_id or 0, Role.PROFESSOR)
    admin = builders.person(ctx, "admin", is_admin=True)

    def listed(headers: dict[str, str], **filters: Any) -> list[int] | int:
        answer = client.get("/tasks", params=filters, headers=headers)
        return [task["id"] for task in answer.json()["items"]] if answer.is_success else answer.status_code

    both = [theirs, mine]
    assert listed(signed_in(ctx, world.professor)) == listed(signed_in(ctx, world.monitor)) == both
    assert listed(signed_in(ctx, admin)) == both
    assert listed(TOKEN) == listed(TOKEN, assignment_id=world.assignment_id) == 403
    assert listed(signed_in(ctx, world.student)) == [mine]
    assert listed(signed_in(ctx, world.student), student_id=other_student.user_id) == []
    assert listed(signed_in(ctx, world.student), course_id=world.course_id) == [mine]
    assert listed(signed_in(ctx, world.stranger)) == []
    assert listed(signed_in(ctx, world.stranger), course_id=world.course_id) == 404
    assert listed(signed_in(ctx, world.stranger), assignment_id=world.assignment_id) == 404
    assert listed(signed_in(ctx, world.student), course_id=course) == 404
    assert listed(signed_in(ctx, admin), course_id=999) == 404
    assert listed({}) == 401


def test_who_teaches_one_course_and_studies_in_another_lists_both(
    client: TestClient, ctx: Context, world: builders.World, clock: Clock
) -> None:
    other = courses.create_course(ctx, PLATFORM, name="Another")
    courses.enrol(ctx, PLATFORM, other, world.professor.user_id or 0, Role.PROFESSOR)
    courses.enrol(ctx, PLATFORM, other, world.student.user_id or 0, Role.MONITOR)
    pupil = builders.person(ctx, "pupil")
    courses.enrol(ctx, PLATFORM, other, pupil.user_id or 0, Role.STUDENT)
    moment = clock()
    draft = AssignmentDraft("Other", world.definition_id, moment, moment.replace(year=2027))
    assignment = assignments.create_assignment(ctx, world.professor, other, draft).id
    overseen = builders.World(**(vars(world) | {"student": pupil, "assignment_id": assignment}))
    ids = [builders.submit(ctx, world).task_id, builders.submit(ctx, overseen).task_id]

    answer = client.get("/tasks", headers=signed_in(ctx, world.student)).json()

    assert [task["id"] for task in answer["items"]] == ids[::-1]


def test_a_student_asking_for_an_assignment_gets_one_object_or_null(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    headers, params = signed_in(ctx, world.student), {"assignment_id": world.assignment_id}
    nothing = client.get("/tasks", params=params, headers=headers)
    _, latest = submit_many(ctx, world, 2)

    answer = client.get("/tasks", params=params, headers=headers).json()

    assert (nothing.status_code, nothing.json()) == (200, None)
    assert answer["id"] == latest
    assert answer["stage_statuses"][0]["processing_stage"]["stage_name"] == "PARSING"
    assert answer["stage_statuses"][0]["processing_status"]["status_name"] == "PENDING"
    assert {"id", "processing_stage", "processing_status"} <= set(answer["stage_statuses"][0])


def test_a_task_in_full_has_attempts_metrics_and_its_log_in_pages(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.monitor, task_id)
    for number in range(7):
        reports.add_task_log(ctx, ORCHESTRATOR, task_id, f"line {number}")
    headers = signed_in(ctx, world.student)

    whole = client.get(f"/tasks/{task_id}", headers=headers).json()
    messages: list[str] = []
    cursor = None
    while cursor or not messages:
        params = {"logs_limit": 3} | ({"logs_cursor": cursor} if cursor else {})
        page = client.get(f"/tasks/{task_id}", params=params, headers=headers).json()
        messages, cursor = [line["log_message"] for line in page["logs"]] + messages, page["logs_cursor"]

    assert [attempt["number"] for attempt in whole["attempts"]] == [1, 2]
    assert names(whole["attempts"][0]) == [("PARSING", "FAILED"), ("EXECUTION", "PENDING")]
    assert whole["attempts"][0]["stage_statuses"][0]["reason"] == "Line 3: unknown command"
    assert names(whole) == [("PARSING", "PENDING"), ("EXECUTION", "PENDING")]
    assert whole["metrics"] == {"requeue_count": 1}
    assert messages == [line["log_message"] for line in whole["logs"]]
    assert messages[-1] == "line 6"


def test_who_may_read_a_task(client: TestClient, ctx: Context, world: builders.World) -> None:
    task_id = builders.submit(ctx, world).task_id
    readers = {
        "student": signed_in(ctx, world.student),
        "professor": signed_in(ctx, world.professor),
        "monitor": signed_in(ctx, world.monitor),
        "orchestrator": TOKEN,
        "classmate": signed_in(ctx, classmate(ctx, world)),
        "stranger": signed_in(ctx, world.stranger),
        "nobody": {},
    }

    statuses = {
        (name, path): client.get(f"/tasks/{task_id}{path}", headers=headers).status_code
        for name, headers in readers.items()
        for path in ("", "/submission", "/results")
    }

    for name in ("student", "professor", "monitor"):
        assert [statuses[name, path] for path in ("", "/submission", "/results")] == [200, 200, 409]
    assert [statuses["orchestrator", path] for path in ("", "/submission", "/results")] == [200, 404, 404]
    for path in ("", "/submission", "/results"):
        assert [statuses[name, path] for name in ("classmate", "stranger", "nobody")] == [404, 404, 401]


def test_results_come_by_attempt_and_in_ranges(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    content = builders.archive().getvalue()
    task_id = builders.submit(ctx, world).task_id
    builders.carry(ctx)
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.monitor, task_id)
    headers = signed_in(ctx, world.student)

    first = client.get(f"/tasks/{task_id}/results", params={"attempt": 1}, headers=headers)
    cut = client.get(
        f"/tasks/{task_id}/results", params={"attempt": 1}, headers=headers | {"Range": "bytes=2-"}
    )
    current = client.get(f"/tasks/{task_id}/results", headers=headers)
    unknown = client.get(f"/tasks/{task_id}/results", params={"attempt": 9}, headers=headers)

    assert (first.status_code, first.content) == (200, content)
    assert (cut.status_code, cut.content) == (206, content[2:])
    assert (current.status_code, unknown.status_code) == (409, 404)


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_student_of_the_course_is_a_row(
    client: TestClient, ctx: Context, world: builders.World, slash: str
) -> None:
    classmate(ctx, world)
    task_id = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 2})
    path = f"/assignments/{world.assignment_id}/tasks{slash}"

    answer = client.get(path, headers=signed_in(ctx, world.professor), follow_redirects=False)

    rows = {row["student_email"]: row for row in answer.json()}
    assert answer.status_code == 200
    assert list(rows) == ["classmate@uniandes.edu.co", "student@uniandes.edu.co"]
    assert rows["classmate@uniandes.edu.co"]["parsing_status"] == "not_submitted"
    assert rows["student@uniandes.edu.co"]["student_id"] == world.student.user_id
    assert rows["student@uniandes.edu.co"]["parsing_status"] == "COMPLETED"
    assert rows["student@uniandes.edu.co"]["execution_status"] == "IN_PROGRESS"
    assert rows["student@uniandes.edu.co"]["task_id"] == task_id
    assert client.get(path, headers=signed_in(ctx, world.student)).status_code == 403
    assert client.get(path, headers=signed_in(ctx, world.stranger)).status_code == 404


def test_a_stage_that_the_definition_lacks_is_not_started(
    client: TestClient, ctx: Context, world: builders.World, clock: Clock
) -> None:
    stage = StageDraft(
        stage_name="PARSING", run_command="true", container_name="p", container_filename="image.tar.gz"
    )
    definition = definitions.create_definition(
        ctx,
        world.professor,
        builders.definition_draft("One", stages=[stage]),
        {"image.tar.gz": io.BytesIO(b"image")},
    )
    draft = AssignmentDraft("One stage", definition.id, clock(), clock().replace(year=2027))
    assignment = assignments.create_assignment(ctx, world.professor, world.course_id, draft)
    builders.submit(ctx, builders.World(**(vars(world) | {"assignment_id": assignment.id})))

    rows = client.get(f"/assignments/{assignment.id}/tasks", headers=signed_in(ctx, world.monitor)).json()

    assert (rows[0]["parsing_status"], rows[0]["execution_status"]) == ("PENDING", "not_started")


def test_a_monitor_requeues_what_failed_once(client: TestClient, ctx: Context, world: builders.World) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    path, headers = f"/tasks/{task_id}/requeue", signed_in(ctx, world.monitor)

    denied = client.post(path, headers=signed_in(ctx, world.student))
    done = client.post(path, json={"note": "grader mended"}, headers=headers)
    again = client.post(path, headers=headers)

    assert (denied.status_code, done.status_code, again.status_code) == (403, 201, 409)
    assert done.json() == {"task_id": task_id, "attempt": 2, "requeue_count": 1}


def test_a_mixed_body_moves_what_is_forward_and_a_late_one_answers_the_state(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    task_id = builders.submit(ctx, world).task_id
    client.patch(f"/tasks/{task_id}", json={"PARSING": "COMPLETED"}, headers=TOKEN)

    mixed = client.patch(f"/tasks/{task_id}", json={"PARSING": 1, "EXECUTION": 2}, headers=TOKEN)
    late = client.patch(f"/tasks/{task_id}", json={"EXECUTION": "PENDING"}, headers=TOKEN)

    assert names(mixed.json()) == [("PARSING", "COMPLETED"), ("EXECUTION", "IN_PROGRESS")]
    assert (late.status_code, late.json()) == (200, mixed.json())


def test_what_concerns_an_older_attempt_answers_200_and_moves_nothing(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.monitor, task_id)
    old = {"attempt": 1}

    moved = client.patch(f"/tasks/{task_id}", params=old, json={"PARSING": 3}, headers=TOKEN)
    noted = client.patch(f"/tasks/{task_id}/requeue", params=old, headers=TOKEN)
    logged = client.post(f"/tasks/{task_id}/logs", params=old, json={"log_message": "x"}, headers=TOKEN)
    unknown = client.patch(f"/tasks/{task_id}", params={"attempt": 3}, json={"PARSING": 3}, headers=TOKEN)

    assert (moved.status_code, noted.status_code, logged.status_code, unknown.status_code) == (
        200,
        200,
        201,
        404,
    )
    assert moved.json()["attempt"] == 2
    assert names(moved.json()) == [("PARSING", "PENDING"), ("EXECUTION", "PENDING")]
    assert noted.json()["requeue_count"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"PARSING": True},
        {"PARSING": 3.0},
        {"PARSING": None},
        {"PARSING": 10**30},
        {"PARSING": "\x00"},
        {"\x00": 3},
        {"": 3},
        {"PARSING": 3, "NOPE": 3},
        {},
        [],
        "PARSING",
    ],
    ids=repr,
)
def test_a_body_that_means_nothing_is_422_and_changes_nothing(
    client: TestClient, ctx: Context, world: builders.World, body: object
) -> None:
    task_id = builders.submit(ctx, world).task_id

    answer = client.patch(f"/tasks/{task_id}", json=body, headers=TOKEN)

    assert answer.status_code == 422
    task = client.get(f"/tasks/{task_id}", headers=TOKEN).json()
    assert names(task) == [("PARSING", "PENDING"), ("EXECUTION", "PENDING")]


@pytest.mark.parametrize("cursor", ["x", "YWZ0ZXI6", "YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OQ", "%ff", "ñ"])
def test_a_cursor_that_is_none_of_ours_is_422(
    client: TestClient, ctx: Context, world: builders.World, cursor: str
) -> None:
    answer = client.get("/tasks", params={"cursor": cursor}, headers=signed_in(ctx, world.monitor))

    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]


def test_who_has_the_list_already_is_told_so(client: TestClient, ctx: Context, world: builders.World) -> None:
    builders.submit(ctx, world)
    headers = signed_in(ctx, world.monitor)
    etag = client.get("/tasks", headers=headers).headers["ETag"]

    same = client.get("/tasks", headers=headers | {"If-None-Match": etag})
    builders.submit(ctx, world, key="another")
    other = client.get("/tasks", headers=headers | {"If-None-Match": etag})

    assert (same.status_code, other.status_code) == (304, 200)


def test_the_number_of_statements_does_not_grow_with_the_rows(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    headers = signed_in(ctx, world.monitor)
    statements = 0

    def note(*_: object) -> None:
        nonlocal statements
        statements += 1

    def cost(path: str) -> int:
        nonlocal statements
        statements = 0
        assert client.get(path, headers=headers).status_code == 200
        return statements

    task_id = builders.submit(ctx, world).task_id
    paths = ("/tasks", f"/assignments/{world.assignment_id}/tasks", f"/tasks/{task_id}")
    event.listen(ctx.db._engine, "before_cursor_execute", note)
    _warm, before = ([cost(path) for path in paths] for _ in range(2))
    for number in range(4):
        other = builders.World(**(vars(world) | {"student": classmate(ctx, world, f"more{number}")}))
        builders.submit(ctx, other, key=f"more{number}")
        reports.add_task_log(ctx, ORCHESTRATOR, task_id, "line")
    after = [cost(path) for path in paths]
    event.remove(ctx.db._engine, "before_cursor_execute", note)

    assert after == before
    assert max(after) <= 12


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("0560-12-26T16:48:22-22:13", 200),
        ("9999-12-31T23:59:59-23:59", 422),
        ("0001-01-01T00:00:00+23:59", 422),
        ("yesterday", 422),
    ],
)
def test_odd_moments_are_understood_or_refused(
    client: TestClient, ctx: Context, world: builders.World, since: str, status: int
) -> None:
    headers = signed_in(ctx, world.monitor)

    answers = [
        client.get(path, params={"since": since}, headers=headers)
        for path in ("/tasks", "/monitoring/summary", "/monitoring/requeues")
    ]

    assert [answer.status_code for answer in answers] == [status] * 3
