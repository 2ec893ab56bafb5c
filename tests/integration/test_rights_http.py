"""In worlds of any shape, each person sees and changes over HTTP what their roles allow, and no more."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.testclient import TestClient

from api.app import create_app
from core.context import PLATFORM, Actor, Context
from core.services import assignments, courses, definitions, submissions
from core.vocabulary import Role
from tests import builders
from tests.http_worlds import signed_in

# Who may: A admin, P professor, M monitor, S student (of the course where there is one, else of any),
# T the student whose task it is, W who owns the definition, O an orchestrator, U any person, * anybody.
ROUTES = {
    "GET /healthz": "*",
    "GET /readyz": "*",
    "GET /metrics": "*",
    "POST /auth/login": "*",
    "POST /auth/register": "*",
    "POST /auth/forgot_password": "*",
    "POST /auth/set_password": "*",
    "POST /auth/select_course": "APMS",
    "POST /auth/logout": "U",
    "POST /auth/change_password": "U",
    "GET /users/me": "U",
    "GET /users/me/courses": "U",
    "GET /users/me/tokens": "U",
    "DELETE /users/me/tokens/{token_id}": "U",
    "POST /users/{user_id}/reset_link": "A",
    "GET /courses": "U",
    "POST /courses": "AP",
    "GET /courses/{course_id}": "APMS",
    "GET /courses/{course_id}/students": "APM",
    "GET /courses/{course_id}/users": "APM",
    "POST /courses/{course_id}/users": "AP",
    "PATCH /courses/{course_id}/users/{user_id}": "AP",
    "DELETE /courses/{course_id}/users/{user_id}": "AP",
    "POST /courses/{course_id}/users/{user_id}/invitation": "AP",
    "POST /courses/{course_id}/invitations": "AP",
    "POST /courses/{course_id}/upload_students": "AP",
    "GET /callback-tokens": "A",
    "POST /callback-tokens": "A",
    "DELETE /callback-tokens/{token_id}": "A",
    "POST /tasks/{task_id}/logs": "O",
    "PATCH /tasks/{task_id}/requeue": "O",
    "PATCH /tasks/{task_id}": "O",
    "POST /tasks/{task_id}/requeue": "PM",
    "GET /tasks/{task_id}": "APMTO",
    "GET /tasks": "U",
    "GET /tasks/{task_id}/submission": "APMT",
    "GET /tasks/{task_id}/results": "APMT",
    "GET /assignments/{assignment_id}/tasks": "APM",
    "POST /assignments/{assignment_id}/submit": "S",
    "GET /receipts/verify": "UO",
    "GET /monitoring/summary": "APM",
    "GET /monitoring/requeues": "APM",
    "GET /monitoring/failures": "APM",
    "GET /monitoring/queue": "APM",
    "GET /monitoring/times": "APM",
    "GET /monitoring/incidents": "APM",
    "GET /assignments/{assignment_id}/statistics": "APM",
    "POST /task-definitions": "AP",
    "GET /task-definitions": "APM",
    "GET /task-definitions/keys": "APM",
    "GET /task-definitions/{definition_id}": "APM",
    "PUT /task-definitions/{definition_id}": "W",
    "DELETE /task-definitions/{definition_id}": "W",
    "GET /task-definitions/{definition_id}/images/{stage_name}": "APM",
    "POST /courses/{course_id}/assignments": "P",
    "GET /courses/{course_id}/assignments": "APMS",
    "GET /assignments/{assignment_id}": "APMS",
    "PUT /assignments/{assignment_id}": "P",
    "DELETE /assignments/{assignment_id}": "P",
}

ENDS_THE_TOKEN = {"POST /auth/logout", "POST /auth/change_password"}
ABSENT = {
    "DELETE /users/me/tokens/{token_id}",
    "DELETE /callback-tokens/{token_id}",
    "PATCH /courses/{course_id}/users/{user_id}",
    "DELETE /courses/{course_id}/users/{user_id}",
    "POST /courses/{course_id}/users/{user_id}/invitation",
}
"""What they name is not there, or was taken out by an allowed request before: 404 is an answer."""

OF_A_COURSE = ("{course_id}", "{assignment_id}", "{task_id}", "select_course", "/monitoring/")
LETTERS = {Role.PROFESSOR: "P", Role.MONITOR: "M", Role.STUDENT: "S"}
OUTSIDERS = ("orchestrator", "nobody", "closed")

_numbers = count()


@dataclass(frozen=True)
class Place:
    """A course with an assignment, a professor who is always there, and a task."""

    course_id: int
    assignment_id: int
    definition_id: int
    task_id: int
    anchor: Actor
    roles: Mapping[str, Role | None]


@dataclass(frozen=True)
class Scene:
    """Places, and people who carry a token."""

    places: tuple[Place, ...]
    people: Mapping[str, Actor]
    headers: Mapping[str, Mapping[str, str]]
    tasks: Mapping[int, tuple[str, Place]]
    """By id: whose it is and where."""

    def standing(self, name: str, place: Place, route: str) -> str:
        """The letters of `name` before `route` about `place`."""
        if name == "orchestrator":
            return "O*"
        if name in {"nobody", "closed"}:
            return "*"
        near = (place,) if any(part in route for part in OF_A_COURSE) else self.places
        letters = {LETTERS[role] for at in near if (role := at.roles[name]) is not None}
        if name == "admin":
            letters.add("A")
        if self.tasks[place.task_id][0] == name:
            letters.add("T")
        return "".join(letters) + "U*"


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx), raise_server_exceptions=False) as opened:
        yield opened


def scene(ctx: Context, roles: list[dict[str, Role | None]]) -> Scene:
    number = next(_numbers)
    names = ("admin", "ana", "luis", "closed")
    people = {name: builders.person(ctx, f"{name}{number}", is_admin=name == "admin") for name in names}
    headers = {name: signed_in(ctx, actor) for name, actor in people.items()}
    headers["orchestrator"] = {"Authorization": "Bearer test-callback-token"}
    headers["nobody"] = {}
    close(ctx, people["closed"])
    tasks: dict[int, tuple[str, Place]] = {}
    places = tuple(place(ctx, f"{number}-{at}", people, given, tasks) for at, given in enumerate(roles))
    return Scene(places, people, headers, tasks)


def place(
    ctx: Context,
    suffix: str,
    people: Mapping[str, Actor],
    roles: Mapping[str, Role | None],
    tasks: dict[int, tuple[str, Place]],
) -> Place:
    anchor, pupil = builders.person(ctx, f"anchor{suffix}"), builders.person(ctx, f"pupil{suffix}")
    course_id = courses.create_course(ctx, PLATFORM, name=f"Course {suffix}")
    courses.enrol(ctx, PLATFORM, course_id, anchor.user_id or 0, Role.PROFESSOR)
    courses.enrol(ctx, PLATFORM, course_id, pupil.user_id or 0, Role.STUDENT)
    for name, role in roles.items():
        if role is not None:
            courses.enrol(ctx, PLATFORM, course_id, people[name].user_id or 0, role)
    made = definitions.create_definition(
        ctx,
        anchor,
        builders.definition_draft(f"Definition {suffix}"),
        {"image.tar.gz": io.BytesIO(b"image")},
    )
    draft = builders.assignment_draft(ctx, made.id)
    assignment = assignments.create_assignment(ctx, anchor, course_id, draft)
    students = {"pupil": pupil} | {name: people[name] for name, role in roles.items() if role is Role.STUDENT}
    own = {
        submissions.submit(
            ctx, student, assignment.id, builders.archive(), file_name="a.zip", submit_key=f"k{assignment.id}"
        ).task_id: name
        for name, student in students.items()
    }
    made_place = Place(course_id, assignment.id, made.id, max(own), anchor, roles)
    tasks |= {task_id: (name, made_place) for task_id, name in own.items()}
    return made_place


def close(ctx: Context, person: Actor) -> None:
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = now() WHERE id = :id"), {"id": person.user_id})


def ask(client: TestClient, found: Scene, at: Place, name: str, route: str, *, fulfil: bool = True) -> int:
    """The status of a request that could be fulfilled, or (not `fulfil`) is well formed but cannot be."""
    method, path = route.split()
    for field, value in {
        "course_id": at.course_id,
        "assignment_id": at.assignment_id,
        "task_id": at.task_id,
        "definition_id": at.definition_id,
        "user_id": at.anchor.user_id,
        "token_id": 999_999,
        "stage_name": "PARSING",
    }.items():
        path = path.replace(f"{{{field}}}", str(value))
    has_list = fulfil and path.endswith("/upload_students")
    answer = client.request(
        method,
        path,
        headers=found.headers[name],
        json=None if has_list else body(route, at, "New" if fulfil else ""),
        files={"file": ("list.csv", b"Email\nnew@uniandes.edu.co\n")} if has_list else None,
        params={"course_id": at.course_id} if path.startswith("/monitoring/") else {"receipt": "none"},
    )
    assert answer.status_code < 500, answer.text
    return answer.status_code


def body(route: str, at: Place, word: str) -> object:
    assignment = {
        "assignment_name": word,
        "assignment_start_date": "2026-03-02T00:00:00Z",
        "assignment_end_date": "2026-03-09T00:00:00Z",
        "task_definition_id": at.definition_id,
    }
    return {
        "POST /auth/select_course": {"course_id": at.course_id},
        "POST /courses": {"course_name": word},
        "POST /courses/{course_id}/users": {"email": f"{word}@uniandes.edu.co", "role": "student"},
        "PATCH /courses/{course_id}/users/{user_id}": {"role": "professor"},
        "POST /callback-tokens": {"name": word, "scopes": ["logs"]},
        "POST /tasks/{task_id}/logs": {"log_message": "Task received for processing"},
        "PATCH /tasks/{task_id}": {"PARSING": 1},
        "POST /courses/{course_id}/assignments": assignment,
        "PUT /assignments/{assignment_id}": assignment,
    }.get(route)


def everything(ctx: Context) -> list[tuple[object, ...]]:
    """What changes when any row does, but for the moments at which tokens were last used."""
    with ctx.db.transaction() as session:
        tables = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        ).all()
        return [
            (name, *session.execute(text(f'SELECT count(*), sum(xmin::text::bigint) FROM "{name}"')).one())
            for name in tables
            if name not in {"api_token", "callback_token"}
        ]


def test_no_route_is_without_a_decision_on_who_may_use_it(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    described = {
        f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations
    }
    hidden = {
        f"{method.upper()} {path}" for path, operations in every_path(client) for method in operations
    } - described

    assert described == set(ROUTES)
    assert {route for route in hidden if route not in ROUTES} == set()


def test_a_final_slash_changes_no_answer_and_redirects_nowhere(client: TestClient) -> None:
    for path, methods in every_path(client):
        address = re.sub(r"\{[^}]*\}", "1", path)
        for method in methods:
            plain = client.request(method, address, follow_redirects=False)
            slashed = client.request(method, f"{address}/", follow_redirects=False)

            assert plain.status_code not in {307, 308, 404, 405}, f"{method} {address}"
            assert slashed.status_code == plain.status_code, f"{method} {address}/"
            if path not in {"/metrics", "/healthz", "/readyz"}:
                assert slashed.content == plain.content, f"{method} {address}/"


DOCUMENTATION = {
    "/openapi.json",
    "/docs",
    "/docs/oauth2-redirect",
    "/docs/start.js",
    "/docs/swagger-ui-bundle.js",
    "/docs/swagger-ui.css",
    "/docs/favicon.png",
}
"""Open to everyone and the same for each."""


def every_path(client: TestClient) -> Iterator[tuple[str, set[str]]]:
    """Also those that the document leaves out."""
    for route in flat(cast("FastAPI", client.app).routes):
        if route.path not in DOCUMENTATION:
            yield (
                route.path.replace(":path}", "}"),
                {"GET" if method == "HEAD" else method for method in route.methods},
            )


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is None:
            yield route
        else:
            yield from flat(inner)


def test_whoever_has_no_token_meets_401_wherever_one_is_needed(ctx: Context, client: TestClient) -> None:
    found = scene(ctx, [dict.fromkeys(("admin", "ana", "luis"))])
    before = everything(ctx)

    answers = {
        (name, route): ask(client, found, found.places[0], name, route)
        for route, letters in ROUTES.items()
        for name in ("nobody", "closed")
        if "*" not in letters
    }

    assert {asked: status for asked, status in answers.items() if status != 401} == {}
    assert everything(ctx) == before


ROLE = st.sampled_from([None, *Role])


@pytest.mark.timeout(300)
@settings(
    max_examples=5,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a world that is found wrong says enough; smaller ones take minutes
)
@given(
    roles=st.lists(st.fixed_dictionaries({"admin": ROLE, "ana": ROLE, "luis": ROLE}), min_size=2, max_size=2),
    data=st.data(),
)
def test_each_person_sees_and_changes_what_their_roles_allow_and_nothing_else(
    ctx: Context, client: TestClient, roles: list[dict[str, Role | None]], data: st.DataObject
) -> None:
    found = scene(ctx, roles)
    names, places = st.sampled_from(("admin", "ana", "luis", "orchestrator")), st.sampled_from(found.places)
    asking = [
        (route, data.draw(names), data.draw(places))
        for route in ROUTES
        if route not in ENDS_THE_TOKEN and "*" not in ROUTES[route]
    ]
    check(ctx, client, found, asking)
    for name in ("admin", "ana", "luis"):
        check_lists(client, found, name)


@pytest.mark.parametrize("role", Role)
def test_every_route_asks_for_every_role_in_the_own_course_and_in_another(
    ctx: Context, client: TestClient, role: Role
) -> None:
    here: dict[str, Role | None] = {"admin": None, "ana": role, "luis": None}
    elsewhere: dict[str, Role | None] = {"admin": None, "ana": None, "luis": role}
    found = scene(ctx, [here, elsewhere])
    at = found.places[0]
    of_somebody_else = replace(at, task_id=min(one for one, (_, where) in found.tasks.items() if where == at))
    found = replace(found, tasks={**found.tasks, of_somebody_else.task_id: ("pupil", at)})

    asking = [
        (route, name, place)
        for route, letters in ROUTES.items()
        if route not in ENDS_THE_TOKEN and "*" not in letters
        for name in ("ana", "luis", "admin", "orchestrator")
        for place in ([at, of_somebody_else] if "{task_id}" in route else [at])
    ]

    check(ctx, client, found, asking)


def check(ctx: Context, client: TestClient, found: Scene, asking: list[tuple[str, str, Place]]) -> None:
    """What is not allowed is refused and changes nothing; what is allowed is not refused."""
    denied = [asked for asked in asking if not is_allowed(found, *asked)]
    before, wrong = everything(ctx), []

    for route, name, at in denied:
        status = ask(client, found, at, name, route)
        is_stranger = not set(found.standing(name, at, route)) & set("APMSO")
        is_of_a_course = any(part in route for part in OF_A_COURSE) and ROUTES[route] != "O"
        hides = is_stranger and is_of_a_course
        if status not in ({404} if hides else {401, 403, 404}):
            wrong.append((route, name, status))
    assert not wrong, "\n".join(map(str, sorted(set(wrong))))
    assert everything(ctx) == before

    for route, name, at in asking:
        if (route, name, at) not in denied:
            status = ask(client, found, at, name, route, fulfil=False)
            if status in ({401, 403} if route in ABSENT else {401, 403, 404}):
                wrong.append((route, name, status))
    assert not wrong, wrong


def is_allowed(found: Scene, route: str, name: str, at: Place) -> bool:
    letters = set(ROUTES[route])
    return bool(letters & set(found.standing(name, at, route)))


def check_lists(client: TestClient, found: Scene, name: str) -> None:
    """What is in each list, of what this scene holds."""

    def ids(path: str, key: str = "id") -> set[int]:
        answer = client.get(path, headers=found.headers[name]).json()
        return {row[key] for row in (answer["items"] if isinstance(answer, dict) else answer)}

    mine = {at.course_id for at in found.places if at.roles[name] is not None}
    taught = {at.course_id for at in found.places if at.roles[name] in {Role.PROFESSOR, Role.MONITOR}}
    everywhere = {at.course_id for at in found.places} if name == "admin" else set()
    readable = {
        task_id
        for task_id, (owner, at) in found.tasks.items()
        if owner == name or at.course_id in taught | everywhere
    }

    assert ids("/users/me/courses") == mine
    assert ids("/courses") & {at.course_id for at in found.places} == mine | everywhere
    assert ids("/tasks?limit=200") & set(found.tasks) == readable
    for at in found.places:
        if at.course_id in mine | everywhere:
            assert ids(f"/courses/{at.course_id}/assignments") == {at.assignment_id}
        if at.course_id in taught | everywhere:
            counted = client.get(
                f"/monitoring/summary?course_id={at.course_id}", headers=found.headers[name]
            ).json()
            here = [task_id for task_id, (_, where) in found.tasks.items() if where == at]
            assert sum(counted[word] for word in ("waiting", "running", "completed", "failed")) == len(here)
