"""The calls of the existing web UI (React), in its order, with its field names and nothing else.

The UI is served at http://localhost:3000, keeps one token, sends it with every call and reads
exactly the fields that are asserted here (contract 1.3). A call that the browser would not let it
make, or a field that it reads and does not find, is a failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from core.context import ORCHESTRATOR, PLATFORM, Context
from core.services import accounts, courses, reports
from core.vocabulary import Role
from tests import builders
from tests.builders import World

PASSWORD = "a long enough one"
ORIGIN = "http://localhost:3000"


class WebUi:
    """What the UI's HTTP client does: a preflight as the browser makes it, the call, the token."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self._token = ""

    def call(self, method: str, path: str, expected: int | None = None, **how: Any) -> Any:
        """The body of the answer, which the browser hands over only with the right CORS headers."""
        asked = "authorization, content-type" if "json" in how else "authorization"
        preflight = self._client.options(
            path,
            headers={
                "Origin": ORIGIN,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": asked,
            },
        )
        assert preflight.status_code == 200, preflight.text
        headers = {"Origin": ORIGIN} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})

        answer = self._client.request(method, path, headers=headers, **how)

        assert answer.headers["access-control-allow-origin"] == ORIGIN
        if expected is None:
            assert 200 <= answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        else:
            assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    def sign_in(self, email: str, course_role: str) -> int:
        """The two steps of its first screen; the id of the course that was chosen."""
        data = self.call("POST", "/auth/login", json={"email": email, "password": PASSWORD})
        self._token = data["access_token"]
        course = data["courses"][0]
        assert (course["course_name"], course["course_role"]) == ("Robotics", course_role)
        chosen = self.call("POST", "/auth/select_course", json={"course_id": course["course_id"]})
        self._token = chosen["access_token"]
        return int(course["course_id"])


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx), follow_redirects=False) as made:
        yield made


@pytest.fixture
def world(ctx: Context) -> World:
    """A course whose people can sign in."""
    made = builders.world(ctx)
    password = accounts.hash_password(PASSWORD)
    for name, role in (
        ("ui.professor", Role.PROFESSOR),
        ("ui.monitor", Role.MONITOR),
        ("ui.student", Role.STUDENT),
    ):
        number = accounts.ensure_person(
            ctx, PLATFORM, email=f"{name}@uniandes.edu.co", full_name=name, password_hash=password
        )
        courses.enrol(ctx, PLATFORM, made.course_id, number, role)
    return made


def moment(text: str) -> datetime:
    """How the UI writes a time: in UTC, without fractions, with a Z."""
    return datetime.fromisoformat(text)


def test_a_professor_defines_assigns_imports_watches_and_cleans_up(
    client: TestClient, ctx: Context, world: World
) -> None:
    ui = WebUi(client)
    course_id = ui.sign_in("ui.professor@uniandes.edu.co", "professor")

    # The first screen: courses, the students and assignments of the first one.
    (course,) = ui.call("GET", "/courses")
    assert (course["id"], course["course_name"]) == (course_id, "Robotics")
    assert moment(course["creation_timestamp"]).utcoffset() is not None
    assert ui.call("GET", f"/courses/{course_id}")["course_name"] == "Robotics"
    (listed,) = ui.call("GET", f"/courses/{course_id}/assignments")
    assert listed["assignment_name"] == "Print a cube"
    assert listed["task_definition"]["definition_name"] == "G-code"
    assert listed["assignment_end_date"][10] == "T", "it is cut by position"
    before = ui.call("GET", f"/courses/{course_id}/students")
    assert {"student@uniandes.edu.co", "ui.student@uniandes.edu.co"} <= {one["email"] for one in before}

    # The list of students, as the university exports it.
    roster = b"ID de alumno,Apellidos,Nombres,Email\n1,Rojas,Ana,ana.rojas@uniandes.edu.co\n"
    ui.call(
        "POST", f"/courses/{course_id}/upload_students", files={"file": ("lista.csv", roster, "text/csv")}
    )
    students = ui.call("GET", f"/courses/{course_id}/students")
    (ana,) = [one for one in students if one["email"] == "ana.rojas@uniandes.edu.co"]
    assert len(students) == len(before) + 1
    assert ana["nombre"] == "Ana Rojas"

    # A definition with one new stage and one that exists, and its description.
    existing = ui.call("GET", "/task-definitions")[0]
    body = {
        "definition_name": "Cypress",
        "definition_description": "Pruebas de una página",
        "stages": [
            {
                "stage_id": None,
                "stage_name": "PARSING",
                "stage_description": "Revisa",
                "use_existing": False,
                "container": {
                    "container_name": "parser",
                    "container_description": "",
                    "run_command": "npm run lint",
                    "container_filename": "parser.tar",
                },
            },
            {
                "stage_id": str(existing["stages"][1]["stage_id"]),
                "stage_name": "EXECUTION",
                "stage_description": "Ejecuta",
                "use_existing": True,
                "container": {
                    "container_name": "",
                    "container_description": "",
                    "run_command": "",
                    "container_filename": "",
                },
            },
        ],
    }
    made = ui.call(
        "POST",
        "/task-definitions",
        data={"task_definition": json.dumps(body)},
        files=[("files", ("parser.tar", b"image", "application/x-tar"))],
    )
    described = ui.call("GET", f"/task-definitions/{made['id']}")
    assert (described["definition_name"], described["definition_description"]) == (
        "Cypress",
        "Pruebas de una página",
    )
    shown = [
        (stage["stage_name"], stage["stage_description"], stage["container"]["container_name"])
        for stage in described["stages"]
    ]
    assert shown == [("PARSING", "Revisa", "parser"), ("EXECUTION", "Ejecuta", "execution")]

    # An assignment of it: opened, edited, watched, deleted.
    sent = {
        "task_definition_id": made["id"],
        "assignment_name": "Página",
        "assignment_description": "Primera entrega",
        "assignment_start_date": "2026-03-02T14:00:00Z",
        "assignment_end_date": "2026-03-12T04:59:00Z",
    }
    ui.call("POST", f"/courses/{course_id}/assignments", json=sent)
    names = {
        entry["assignment_name"]: entry for entry in ui.call("GET", f"/courses/{course_id}/assignments/")
    }
    assignment = names["Página"]
    edited = ui.call("GET", f"/assignments/{assignment['id']}")
    assert edited["task_definition"]["id"] == made["id"]
    assert moment(edited["assignment_start_date"]) == moment(sent["assignment_start_date"])
    ui.call(
        "PUT",
        f"/assignments/{assignment['id']}",
        json=sent | {"assignment_name": "Página web", "assignment_end_date": "2026-03-13T04:59:00"},
    )
    rows = ui.call("GET", f"/assignments/{assignment['id']}/tasks")
    assert {(row["parsing_status"], row["execution_status"]) for row in rows} == {
        ("not_submitted", "not_submitted")
    }
    assert {row["student_id"] for row in rows} == {one["id"] for one in students}
    assert {row["student_email"] for row in rows} == {one["email"] for one in students}

    # What it refuses it says in `detail`, a text.
    builders.submit(ctx, world)
    refused = ui.call("DELETE", f"/assignments/{world.assignment_id}", expected=409)
    assert isinstance(refused["detail"], str)

    ui.call("DELETE", f"/assignments/{assignment['id']}")
    ui.call("DELETE", f"/courses/{course_id}/users/{ana['id']}")
    assert ui.call("GET", f"/courses/{course_id}/students") == before


def test_a_student_looks_submits_and_follows(client: TestClient, ctx: Context, world: World) -> None:
    ui = WebUi(client)
    course_id = ui.sign_in("ui.student@uniandes.edu.co", "student")

    # The first screen: no work yet.
    (course,) = ui.call("GET", "/courses")
    assert course["course_name"] == "Robotics"
    (listed,) = ui.call("GET", f"/courses/{course_id}/assignments")
    assert (listed["id"], listed["tasks"]) == (world.assignment_id, [])

    # The assignment: nothing was handed in.
    detail = ui.call("GET", f"/assignments/{listed['id']}")
    assert detail["assignment_name"] == "Print a cube"
    assert isinstance(detail["assignment_description"], str)
    assert detail["task_definition"]["definition_name"] == "G-code"
    assert moment(detail["assignment_end_date"]) > ctx.now()
    assert ui.call("GET", f"/tasks?assignment_id={listed['id']}") is None

    # It is handed in, and the answer is shown at once.
    handed_in = ui.call(
        "POST",
        f"/assignments/{listed['id']}/submit",
        files={"file": ("tarea.zip", builders.archive(), "application/zip")},
    )
    assert shown_stages(handed_in) == [("PARSING", "PENDING"), ("EXECUTION", "PENDING")]
    builders.carry(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, handed_in["id"], {"PARSING": 3, "EXECUTION": 2})

    # Coming back: one object, not a list, and the list shows how far it is.
    found = ui.call("GET", f"/tasks?assignment_id={listed['id']}")
    assert found["id"] == handed_in["id"]
    assert shown_stages(found) == [("PARSING", "COMPLETED"), ("EXECUTION", "IN_PROGRESS")]
    (listed,) = ui.call("GET", f"/courses/{course_id}/assignments")
    assert shown_stages(listed["tasks"][0]) == [("PARSING", "COMPLETED"), ("EXECUTION", "IN_PROGRESS")]

    # What is for others stays shut.
    ui.call("GET", f"/assignments/{listed['id']}/tasks", expected=403)
    ui.call("GET", "/task-definitions", expected=403)


def test_a_monitor_goes_by_the_older_word_and_sees_who_handed_in(
    client: TestClient, ctx: Context, world: World
) -> None:
    builders.submit(ctx, world)
    ui = WebUi(client)

    course_id = ui.sign_in("ui.monitor@uniandes.edu.co", "assistant")
    rows = ui.call("GET", f"/assignments/{world.assignment_id}/tasks")

    assert {row["student_email"]: row["parsing_status"] for row in rows} == {
        "student@uniandes.edu.co": "PENDING",
        "ui.student@uniandes.edu.co": "not_submitted",
    }
    assert len(ui.call("GET", f"/courses/{course_id}/students")) == len(rows)
    ui.call("DELETE", f"/assignments/{world.assignment_id}", expected=403)


def test_the_older_first_screen_finds_a_role_beside_the_token(client: TestClient, world: World) -> None:
    ui = WebUi(client)
    credentials = {"email": "ui.professor@uniandes.edu.co", "password": PASSWORD}

    assert ui.call("POST", "/auth/login", json=credentials)["role"] == "professor"


def test_another_page_may_not_call(client: TestClient, world: World) -> None:
    answer = client.get("/task-definitions", headers={"Origin": "http://evil.example"})

    assert "access-control-allow-origin" not in answer.headers


def shown_stages(task: dict[str, Any]) -> list[tuple[str, str]]:
    """The two columns of its table; each row needs an id of its own."""
    statuses = task["stage_statuses"]
    assert len({status["id"] for status in statuses}) == len(statuses)
    return [
        (status["processing_stage"]["stage_name"], status["processing_status"]["status_name"])
        for status in statuses
    ]


def test_the_course_of_the_token_comes_first_and_the_others_by_name(
    client: TestClient, ctx: Context, world: World
) -> None:
    student = accounts.find_person_id(ctx, "ui.student@uniandes.edu.co")
    for name in ("Another", "Zoology"):
        number = courses.create_course(ctx, PLATFORM, name=name)
        courses.enrol(ctx, PLATFORM, number, student, Role.STUDENT)
    login = client.post(
        "/auth/login", json={"email": "ui.student@uniandes.edu.co", "password": PASSWORD}
    ).json()
    zoology = next(course["course_id"] for course in login["courses"] if course["course_name"] == "Zoology")

    def listed(token: str, path: str = "/courses") -> list[str]:
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        return [course["course_name"] for course in answer.json()]

    chosen = client.post(
        "/auth/select_course",
        json={"course_id": zoology},
        headers={"Authorization": f"Bearer {login['access_token']}"},
    ).json()
    assert listed(login["access_token"]) == ["Another", "Robotics", "Zoology"]
    assert listed(chosen["access_token"]) == ["Zoology", "Another", "Robotics"]
    assert listed(chosen["access_token"], "/courses/") == ["Zoology", "Another", "Robotics"]


def test_a_list_without_a_usable_row_is_refused_with_its_reasons(client: TestClient, world: World) -> None:
    ui = WebUi(client)
    course_id = ui.sign_in("ui.professor@uniandes.edu.co", "professor")

    refused = ui.call(
        "POST",
        f"/courses/{course_id}/upload_students",
        422,
        files={"file": ("lista.csv", b"Email\nana@gmail.com\n", "text/csv")},
    )

    assert "Fila 2: Usa un correo de: uniandes.edu.co" in refused["detail"]
