"""Accounts, courses and rosters over HTTP, with the names of the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from api.app import create_app
from core.context import PLATFORM, Actor, Context
from core.models import User
from core.services import accounts, courses
from core.vocabulary import Role
from tests import builders, spreadsheets
from tests.conftest import Clock

PASSWORD = "correct horse battery"
NEW = "another good phrase"


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx)) as made:
        yield made


@pytest.fixture
def world(ctx: Context) -> builders.World:
    made = builders.world(ctx)
    kept = accounts.hash_password(PASSWORD)
    with ctx.db.transaction() as session:
        session.execute(update(User).values(password_hash=kept))
    return made


def bearer(ctx: Context, actor: Actor, language: str = "en") -> dict[str, str]:
    token = accounts.issue_api_token(ctx, actor.user_id or 0)
    return {"Authorization": f"Bearer {token}", "Accept-Language": language}


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> dict[str, Any]:
    answer = client.post("/auth/login", json={"email": f"{name}@uniandes.edu.co", "password": password})
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    ("name", "role", "course_role"),
    [
        ("professor", "professor", "professor"),
        ("monitor", "assistant", "assistant"),
        ("student", "student", "student"),
    ],
)
def test_signing_in_tells_each_role_by_the_word_that_the_web_ui_knows(
    client: TestClient, world: builders.World, name: str, role: str, course_role: str
) -> None:
    answer = sign_in(client, name)

    assert (answer["token_type"], answer["role"]) == ("bearer", role)
    assert answer["courses"] == [
        {"course_id": world.course_id, "course_name": "Robotics", "course_role": course_role}
    ]


def test_the_strongest_role_is_told(client: TestClient, ctx: Context, world: builders.World) -> None:
    other = courses.create_course(ctx, PLATFORM, name="Other")
    courses.enrol(ctx, PLATFORM, other, world.student.user_id or 0, Role.MONITOR)
    builders.person(ctx, "admin", is_admin=True)
    with ctx.db.transaction() as session:
        session.execute(update(User).values(password_hash=accounts.hash_password(PASSWORD)))

    roles = [sign_in(client, name)["role"] for name in ("student", "admin", "stranger")]

    assert roles == ["assistant", "admin", "student"]


def test_a_course_is_selected_with_a_token_of_its_own(client: TestClient, world: builders.World) -> None:
    first = {"Authorization": f"Bearer {sign_in(client, 'monitor')['access_token']}"}

    chosen = client.post("/auth/select_course", json={"course_id": world.course_id}, headers=first)
    second = {"Authorization": f"Bearer {chosen.json()['access_token']}"}

    assert {key: value for key, value in chosen.json().items() if key != "access_token"} == {
        "token_type": "bearer",
        "course_id": world.course_id,
        "course_role": "assistant",
    }
    tokens = client.get("/users/me/tokens", headers=second).json()
    assert [token["course_id"] for token in tokens] == [world.course_id, None]
    assert client.post("/auth/select_course", json={"course_id": 999}, headers=first).status_code == 404


def test_signing_out_ends_this_token_and_no_other(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    here, there = bearer(ctx, world.student), bearer(ctx, world.student)

    assert client.post("/auth/logout", headers=here).status_code == 204
    assert [client.get("/users/me", headers=token).status_code for token in (here, there)] == [401, 200]
    assert client.post("/auth/logout", headers=here).status_code == 401


def test_people_revoke_their_own_tokens_only(client: TestClient, ctx: Context, world: builders.World) -> None:
    mine, other = bearer(ctx, world.student), bearer(ctx, world.monitor)
    (token,) = client.get("/users/me/tokens", headers=mine).json()

    assert client.delete(f"/users/me/tokens/{token['id']}", headers=other).status_code == 404
    assert client.delete(f"/users/me/tokens/{token['id']}", headers=mine).status_code == 204
    assert client.get("/users/me/tokens", headers=mine).status_code == 401


def test_a_token_ends_after_eight_hours(
    client: TestClient, ctx: Context, world: builders.World, clock: Clock
) -> None:
    mine = bearer(ctx, world.student)
    clock.advance(hours=7, minutes=59, seconds=59)
    before = client.get("/users/me", headers=mine).status_code
    clock.advance(seconds=1)

    assert (before, client.get("/users/me", headers=mine).status_code) == (200, 401)


def test_changing_the_password_ends_every_token(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    mine = bearer(ctx, world.student)

    wrong = client.post(
        "/auth/change_password", json={"old_password": "no", "new_password": NEW}, headers=mine
    )
    weak = client.post(
        "/auth/change_password", json={"old_password": PASSWORD, "new_password": "short"}, headers=mine
    )
    right = client.post(
        "/auth/change_password", json={"old_password": PASSWORD, "new_password": NEW}, headers=mine
    )

    assert [answer.status_code for answer in (wrong, weak, right)] == [401, 422, 204]
    assert client.get("/users/me", headers=mine).status_code == 401
    assert "access_token" in sign_in(client, "student", NEW)


def test_a_password_is_set_by_the_link_of_an_invitation(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    added = client.post(
        f"/courses/{world.course_id}/users",
        json={"email": "new@uniandes.edu.co", "role": "assistant"},
        headers=bearer(ctx, world.professor),
    ).json()
    token = re.findall(r"token=(.+)", added["invitation"]["link"])[0]
    body = {"token": token, "password": PASSWORD}

    codes = [client.post("/auth/set_password", json=body).status_code for _ in range(2)]

    assert codes == [204, 409]
    assert sign_in(client, "new")["role"] == "assistant"


def test_an_admin_hands_out_a_reset_link(client: TestClient, ctx: Context, world: builders.World) -> None:
    admin = builders.person(ctx, "admin", is_admin=True)
    path = f"/users/{world.student.user_id}/reset_link"

    refused = client.post(path, headers=bearer(ctx, world.professor))
    link = client.post(path, headers=bearer(ctx, admin)).json()["url"]
    client.post("/auth/set_password", json={"token": link.partition("token=")[2], "password": NEW})

    assert refused.status_code == 403
    assert "access_token" in sign_in(client, "student", NEW)


def test_without_mail_a_forgotten_password_is_answered_in_words(client: TestClient) -> None:
    answer = client.post(
        "/auth/forgot_password", json={"email": "x@uniandes.edu.co"}, headers={"Accept-Language": "es"}
    )

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Desde aquí no se envían correos.")


def test_registering_twice_says_what_to_do(ctx: Context) -> None:
    opened = ctx.settings.model_copy(update={"open_registration": True})
    body = {"email": "New@uniandes.edu.co", "password": PASSWORD, "full_name": "New\u0000 One"}

    with TestClient(create_app(opened, builders.with_settings(ctx, opened))) as client:
        first, second = (client.post("/auth/register", json=body) for _ in range(2))
        foreign = client.post("/auth/register", json=body | {"email": "x@gmail.com"})

    assert first.status_code == 201
    assert first.json()["full_name"] == "New One"
    assert second.status_code == 409
    assert foreign.status_code == 422


def test_registration_is_closed_where_neither_mail_nor_a_setting_opens_it(client: TestClient) -> None:
    answer = client.post("/auth/register", json={"email": "new@uniandes.edu.co", "password": PASSWORD})

    assert answer.status_code == 403
    assert answer.json()["title"] == "RegistrationClosed"


def test_too_many_failures_are_answered_with_the_seconds_to_wait(
    client: TestClient, world: builders.World
) -> None:
    for _ in range(5):
        sign_in(client, "student", "wrong")

    body = {"email": "student@uniandes.edu.co", "password": PASSWORD}
    answer = client.post("/auth/login", json=body)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_links_of_people_without_access_are_fetched_again(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    rows = [["Email"], ["ana@uniandes.edu.co"], ["luis@uniandes.edu.co"]]
    file = {"file": ("lista.xlsx", spreadsheets.workbook(spreadsheets.sheet(rows)))}
    mine = bearer(ctx, world.professor)
    client.post(f"/courses/{world.course_id}/upload_students", files=file, headers=mine)

    again = client.post(f"/courses/{world.course_id}/invitations", headers=mine).json()

    assert [made["email"] for made in again] == ["ana@uniandes.edu.co", "luis@uniandes.edu.co"]
    body = {"token": again[1]["link"].partition("token=")[2], "password": PASSWORD}
    assert client.post("/auth/set_password", json=body).status_code == 204
    assert sign_in(client, "luis")["role"] == "student"
    left = client.post(f"/courses/{world.course_id}/invitations", headers=mine).json()
    assert [made["email"] for made in left] == ["ana@uniandes.edu.co"]


def test_i_see_who_i_am_and_my_courses(client: TestClient, ctx: Context, world: builders.World) -> None:
    mine = bearer(ctx, world.monitor)

    me = client.get("/users/me", headers=mine).json()
    spellings = [client.get(f"/users/me/courses{end}", headers=mine) for end in ("", "/")]

    assert (me["email"], me["role"], me["is_admin"]) == ("monitor@uniandes.edu.co", "assistant", False)
    assert spellings[0].json() == spellings[1].json()
    (course,) = spellings[0].json()
    assert (course["id"], course["course_id"], course["course_role"]) == (
        world.course_id,
        world.course_id,
        "assistant",
    )


@pytest.mark.parametrize(
    "path", ["/courses", "/courses/{id}/students", "/users/me/courses", "/users/me/tokens"]
)
def test_both_spellings_of_a_list_answer_the_same_without_a_redirect(
    client: TestClient, ctx: Context, world: builders.World, path: str
) -> None:
    mine = bearer(ctx, world.professor)
    path = path.format(id=world.course_id)

    answers = [client.get(path + end, headers=mine, follow_redirects=False) for end in ("", "/")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json() != []


def test_courses_have_the_fields_of_the_contract_and_times_with_an_offset(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    (course,) = client.get("/courses", headers=bearer(ctx, world.professor)).json()
    one = client.get(f"/courses/{world.course_id}", headers=bearer(ctx, world.student)).json()

    assert (course["id"], course["course_name"]) == (world.course_id, "Robotics")
    moment = datetime.fromisoformat(course["creation_timestamp"])
    assert moment.utcoffset() == timedelta(0)
    assert one == course | {"course_role": "student"}


def test_an_admin_lists_every_course(client: TestClient, ctx: Context, world: builders.World) -> None:
    admin = builders.person(ctx, "admin", is_admin=True)
    courses.create_course(ctx, PLATFORM, name="Another")

    listed = client.get("/courses", headers=bearer(ctx, admin)).json()

    assert [(course["course_name"], course["course_role"]) for course in listed] == [
        ("Another", None),
        ("Robotics", None),
    ]
    assert client.get("/users/me/courses", headers=bearer(ctx, admin)).json() == []


@pytest.mark.parametrize("path", ["/courses", "/courses/"])
def test_a_professor_opens_a_course_and_a_student_does_not(
    client: TestClient, ctx: Context, world: builders.World, path: str
) -> None:
    made = client.post(path, json={"course_name": "Vision"}, headers=bearer(ctx, world.professor))
    refused = client.post(path, json={"course_name": "Mine"}, headers=bearer(ctx, world.student))

    assert (made.status_code, made.json()["course_role"]) == (201, "professor")
    assert refused.status_code == 403


def test_the_students_of_a_course_are_its_students(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    mine = bearer(ctx, world.professor)

    students = client.get(f"/courses/{world.course_id}/students", headers=mine).json()
    everybody = client.get(f"/courses/{world.course_id}/users", headers=mine).json()

    assert [(person["id"], person["email"]) for person in students] == [
        (world.student.user_id, "student@uniandes.edu.co")
    ]
    assert [person["course_role"] for person in everybody] == ["professor", "assistant", "student"]
    assert "password_hash" not in students[0]


@pytest.mark.parametrize("word", ["monitor", "assistant"])
def test_both_words_for_the_monitor_are_understood(
    client: TestClient, ctx: Context, world: builders.World, word: str
) -> None:
    path = f"/courses/{world.course_id}/users/{world.student.user_id}"

    answer = client.patch(path, json={"role": word}, headers=bearer(ctx, world.professor))

    assert answer.json()["course_role"] == "assistant"


def test_a_person_is_taken_out_of_a_course_once(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    path = f"/courses/{world.course_id}/users/{world.student.user_id}"
    mine = bearer(ctx, world.professor)

    assert [client.delete(path, headers=mine).status_code for _ in range(2)] == [204, 404]
    assert client.get(f"/courses/{world.course_id}/students", headers=mine).json() == []


def test_a_list_that_has_not_changed_is_not_sent_again(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    mine = bearer(ctx, world.professor)
    path = f"/courses/{world.course_id}/students"
    etag = client.get(path, headers=mine).headers["etag"]

    same = client.get(path, headers=mine | {"If-None-Match": etag})
    builders.person(ctx, "another")
    courses.add_member(
        ctx, world.professor, world.course_id, email="another@uniandes.edu.co", role=Role.STUDENT
    )
    changed = client.get(path, headers=mine | {"If-None-Match": etag})

    assert (same.status_code, changed.status_code) == (304, 200)


def test_a_list_of_students_is_uploaded_as_the_web_ui_does_it(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    rows = [
        ["ID de alumno", "Apellidos", "Nombres", "Email"],
        ["1", "Gómez", "Ana", "ana@uniandes.edu.co"],
        ["2", "Student", "", "student@uniandes.edu.co"],
        ["3", "Fuera", "", "x@gmail.com"],
    ]
    file = {"file": ("lista.xlsx", spreadsheets.workbook(spreadsheets.sheet(rows)))}
    path = f"/courses/{world.course_id}/upload_students"
    mine = bearer(ctx, world.professor, "es")

    tried = client.post(f"{path}?dry_run=true", files=file, headers=mine).json()
    done = client.post(path, files=file, headers=mine).json()
    again = client.post(path, files=file, headers=mine).json()

    counts = [
        (answer["created"], answer["enrolled"], answer["already_there"]) for answer in (tried, done, again)
    ]
    assert counts == [(1, 1, 1), (1, 1, 1), (0, 0, 2)]
    assert done["rejected"] == [
        {"row": 4, "email": "x@gmail.com", "reason": "Usa un correo de: uniandes.edu.co.", "sheet": ""}
    ]
    assert tried["invitations"] == []
    assert done["invitations"][0]["link"].startswith("http://127.0.0.1:8501/link#token=")
    emails = [row["email"] for row in client.get(f"/courses/{world.course_id}/students", headers=mine).json()]
    assert emails == ["ana@uniandes.edu.co", "student@uniandes.edu.co"]


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"file": ("a.csv", b"x" * 5_050_000)}, 413),
        ({"file": ("a.csv", b"x" * 9_000_000)}, 413),
        ({"file": ("a.csv", b"no columns")}, 422),
        ({"other": ("a.csv", b"Email\n")}, 422),
    ],
    ids=["file too large", "request too large", "no list", "no file"],
)
def test_what_is_no_list_of_students_is_refused(
    client: TestClient,
    ctx: Context,
    world: builders.World,
    files: dict[str, tuple[str, bytes]],
    status: int,
) -> None:
    path = f"/courses/{world.course_id}/upload_students"

    answer = client.post(path, files=files, headers=bearer(ctx, world.professor))

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_request_that_is_too_large_is_not_read_to_its_end(ctx: Context, world: builders.World) -> None:
    app = create_app(ctx.settings, ctx)
    app.state.ctx = ctx
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    pieces = iter([head, *[b"x" * 1_000_000] * 100])
    left, statuses = 101, []

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": next(pieces), "more_body": left > 0}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status"))

    headers = bearer(ctx, world.professor) | {"Content-Type": "multipart/form-data; boundary=x"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/courses/{world.course_id}/upload_students",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    anyio.run(app, scope, receive, send)  # type: ignore[arg-type]  # a narrower type of messages

    assert statuses[0] == 413
    assert left > 90, "megabytes that were not read"


def test_a_form_that_is_none_is_refused(client: TestClient, ctx: Context, world: builders.World) -> None:
    headers = bearer(ctx, world.professor) | {"Content-Type": "multipart/form-data; boundary=x"}

    answer = client.post(f"/courses/{world.course_id}/upload_students", content=b"nonsense", headers=headers)

    assert answer.status_code in {400, 422}


def test_strangers_learn_nothing_about_a_course(
    client: TestClient, ctx: Context, world: builders.World
) -> None:
    stranger = bearer(ctx, world.stranger)
    course = f"/courses/{world.course_id}"

    answers = [
        client.get(course, headers=stranger),
        client.get(f"{course}/students", headers=stranger),
        client.post(f"{course}/upload_students", files={"file": b"Email\n"}, headers=stranger),
        client.delete(f"{course}/users/{world.student.user_id}", headers=stranger),
        client.get("/courses/999999", headers=stranger),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["detail"] for answer in answers}) == 1


def test_the_document_describes_every_route_with_names_examples_and_errors(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        if path.startswith(("/auth", "/users", "/courses", "/callback-tokens"))
        for method, operation in methods.items()
    }
    for (method, path), operation in operations.items():
        good = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
        assert good, path
        for answer in good:
            schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            assert (
                method == "delete"
                or "204" in operation["responses"]
                or schema.get("$ref", schema.get("items"))
            )
        if path not in {"/auth/login", "/auth/register", "/auth/forgot_password", "/auth/set_password"}:
            assert operation["security"] == [{"HTTPBearer": []}], path
            assert "401" in operation["responses"], path
    assert len(operations) >= 24
