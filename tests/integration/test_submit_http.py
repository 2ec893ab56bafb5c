"""Handing in over HTTP."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO

import pytest
from sqlalchemy import delete, func, select
from starlette.testclient import TestClient

from api.app import create_app
from core.context import ORCHESTRATOR, Actor, Context
from core.errors import NotFound
from core.models import Assignment, OutboxMessage, Task
from core.services import accounts, reports
from tests import builders
from tests.conftest import Clock
from tests.locks import waits_for_a_lock

BOUNDARY = "b0undary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Accept-Language": "en"}


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx)) as made:
        yield made


def signed_in(ctx: Context, actor: Actor, **more: str) -> dict[str, str]:
    token = accounts.issue_api_token(ctx, actor.user_id or 0)
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en"} | more


def count(ctx: Context, model: type = Task) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def originals(ctx: Context) -> int:
    return len(list(ctx.storage.list_files(ctx.storage.path("originals"))))


def part(content: bytes, name: str = "file") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a.zip"\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize(("room", "size"), [(100, 2_000_000), (1_500_000, 3_000_000)])
def test_a_full_folder_for_temporary_files_is_a_503_with_its_reason(
    client: TestClient, ctx: Context, room: int, size: int
) -> None:
    world = builders.world(ctx)
    headers = signed_in(ctx, world.student)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        answer = client.post(
            f"/assignments/{world.assignment_id}/submit",
            files={"file": ("a.zip", bytes(size))},
            headers=headers,
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (answer.status_code, answer.json()["title"]) == (503, "NoSpace")
    assert answer.headers["retry-after"] == "5"
    assert "no room for the upload" in answer.json()["detail"]
    assert count(ctx) == 0


def test_a_submission_is_answered_with_the_task_and_its_receipt(client: TestClient, ctx: Context) -> None:
    world = builders.world(ctx)
    content = builders.archive().getvalue()

    answer = client.post(
        f"/assignments/{world.assignment_id}/submit",
        files={"file": ("Tarea ñ.zip", content)},
        headers=signed_in(ctx, world.student),
    )

    task = answer.json()
    assert answer.status_code == 201
    assert (task["assignment_id"], task["created_by_id"], task["status"]) == (
        world.assignment_id,
        world.student.user_id,
        "PENDING",
    )
    assert [stage["processing_stage"]["stage_name"] for stage in task["stage_statuses"]] == [
        "PARSING",
        "EXECUTION",
    ]
    assert task["metrics"] == {"requeue_count": 0}
    assert task["receipt"]["file_name"] == "Tarea ñ.zip"
    assert (
        client.get(f"/tasks/{task['id']}/submission", headers=signed_in(ctx, world.student)).content
        == content
    )


def test_one_key_is_one_task_and_one_answer_even_later_and_after_the_due_date(
    client: TestClient, ctx: Context, clock: Clock
) -> None:
    world = builders.world(ctx)
    headers = signed_in(ctx, world.student) | {"Idempotency-Key": "k"}
    path, file = f"/assignments/{world.assignment_id}/submit", {"file": builders.archive().getvalue()}
    first = client.post(path, files=file, headers=headers)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, first.json()["id"], {"PARSING": 3})
    reports.note_requeue(ctx, ORCHESTRATOR, first.json()["id"])
    clock.advance(days=7.5)

    again = client.post(path, files=file, headers=headers | signed_in(ctx, world.student))

    assert (again.status_code, again.content) == (201, first.content)
    assert (count(ctx), originals(ctx)) == (1, 1)


def test_one_key_sent_many_times_at_once_is_one_task(client: TestClient, ctx: Context) -> None:
    world = builders.world(ctx)
    headers = signed_in(ctx, world.student) | {"Idempotency-Key": "k"}
    path, content = f"/assignments/{world.assignment_id}/submit", builders.archive().getvalue()

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: client.post(path, files={"file": content}, headers=headers), range(8))
        )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (count(ctx), count(ctx, OutboxMessage), originals(ctx)) == (1, 1, 1)


def test_a_key_with_another_file_is_refused_rather_than_answered_with_the_first(
    client: TestClient, ctx: Context
) -> None:
    world = builders.world(ctx)
    headers = signed_in(ctx, world.student) | {"Idempotency-Key": "k"}
    path = f"/assignments/{world.assignment_id}/submit"
    client.post(path, files={"file": builders.archive().getvalue()}, headers=headers)

    other = client.post(path, files={"file": builders.archive(a_txt="other").getvalue()}, headers=headers)

    assert other.status_code == 409
    assert (count(ctx), originals(ctx)) == (1, 1)


@pytest.mark.parametrize(
    ("who", "status"),
    [("professor", 403), ("monitor", 403), ("stranger", 404), (None, 401)],
)
def test_only_students_of_the_course_hand_in(
    client: TestClient, ctx: Context, who: str | None, status: int
) -> None:
    world = builders.world(ctx)
    headers = signed_in(ctx, getattr(world, who)) if who else {}

    answer = client.post(f"/assignments/{world.assignment_id}/submit", files={"file": b"PK"}, headers=headers)

    assert answer.status_code == status


def test_before_and_after_the_dates_nothing_is_taken(client: TestClient, ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    clock.advance(days=8)

    answer = client.post(
        f"/assignments/{world.assignment_id}/submit",
        files={"file": builders.archive().getvalue()},
        headers=signed_in(ctx, world.student),
    )

    assert answer.status_code == 409
    assert "closed on" in answer.json()["detail"]
    assert originals(ctx) == 0


def test_what_is_no_archive_is_415(client: TestClient, ctx: Context) -> None:
    world = builders.world(ctx)

    answer = client.post(
        f"/assignments/{world.assignment_id}/submit",
        files={"file": ("a.zip", b"plain text")},
        headers=signed_in(ctx, world.student),
    )

    assert answer.status_code == 415
    assert "not a zip" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"file": 1}', "application/json"),
        (b"file=1", "application/x-www-form-urlencoded"),
        (b"", FORM["Content-Type"]),
        (b"no form at all", FORM["Content-Type"]),
        (b"", "multipart/form-data"),
        (part(b"PK", "other") + END, FORM["Content-Type"]),
        (part(b"PK") + part(b"PK") + END, FORM["Content-Type"]),
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nPK\r\n'.encode() + END,
            FORM["Content-Type"],
        ),
    ],
    ids=["json", "form", "empty", "garbage", "no boundary", "other field", "two files", "text field"],
)
def test_a_request_without_exactly_one_file_is_422_and_says_what_to_send(
    client: TestClient, ctx: Context, body: bytes, kind: str
) -> None:
    world = builders.world(ctx)

    answer = client.post(
        f"/assignments/{world.assignment_id}/submit",
        content=body,
        headers=signed_in(ctx, world.student) | {"Content-Type": kind},
    )

    assert answer.status_code == 422
    assert "one file" in answer.json()["detail"]


def test_what_is_too_large_is_refused_while_it_is_read(ctx: Context) -> None:
    world = builders.world(ctx)
    small = replace(ctx, settings=ctx.settings.model_copy(update={"max_upload_mb": 1}))
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield part(b"")[:-2]
        while sent < 1000:
            sent += 1
            yield bytes(100_000)

    with TestClient(create_app(small.settings, small)) as client:
        headers = signed_in(ctx, world.student) | FORM
        path = f"/assignments/{world.assignment_id}/submit"
        answer = client.post(path, content=endless(), headers=headers)
        announced = client.post(path, content=b"x", headers=headers | {"Content-Length": str(10**10)})

    assert (answer.status_code, announced.status_code) == (413, 413)
    assert "1 MB" in answer.json()["detail"]
    assert count(ctx) == 0


def test_an_assignment_that_is_deleted_while_somebody_submits_is_not_found_and_keeps_no_file(
    client: TestClient, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = builders.world(ctx)
    upload = ctx.storage.upload
    stored: list[str] = []

    def noted(path: str, file: BinaryIO) -> None:
        upload(path, file)
        stored.append(path)

    monkeypatch.setattr(ctx.storage, "upload", noted)

    with ThreadPoolExecutor(1) as pool:
        with ctx.db.transaction() as session:
            session.execute(delete(Assignment).where(Assignment.id == world.assignment_id))
            path = f"/assignments/{world.assignment_id}/submit"
            files = {"file": ("cube.zip", builders.archive())}
            headers = signed_in(ctx, world.student)
            submitting = pool.submit(client.post, path, files=files, headers=headers)
            builders.wait_until(lambda: waits_for_a_lock(ctx))
        answer = submitting.result(60)

    assert (answer.status_code, answer.json()["title"]) == (404, "NotFound")
    assert len(stored) == 1
    with pytest.raises(NotFound):
        ctx.storage.download_to(stored[0], io.BytesIO())


def test_a_cut_form_is_no_submission(client: TestClient, ctx: Context) -> None:
    world = builders.world(ctx)

    answer = client.post(
        f"/assignments/{world.assignment_id}/submit",
        content=part(builders.archive().getvalue()[:40]),
        headers=signed_in(ctx, world.student) | FORM,
    )

    assert answer.status_code == 422
    assert count(ctx) == 0


def test_the_code_of_a_receipt_proves_what_was_handed_in(client: TestClient, ctx: Context) -> None:
    world = builders.world(ctx)
    headers = signed_in(ctx, world.student)
    task = client.post(
        f"/assignments/{world.assignment_id}/submit",
        files={"file": builders.archive().getvalue()},
        headers=headers,
    ).json()
    code = task["receipt"]["code"]

    good = client.get("/receipts/verify", params={"receipt": code}, headers=headers)
    forged = client.get("/receipts/verify", params={"receipt": code[:-2] + "xx"}, headers=headers)
    nobody = client.get("/receipts/verify", params={"receipt": code})

    assert (good.status_code, forged.status_code, nobody.status_code) == (200, 422, 401)
    assert good.json()["sha256"] == task["sha256"]
    assert (good.json()["task_id"], good.json()["student_id"]) == (task["id"], world.student.user_id)
