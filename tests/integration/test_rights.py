"""Every right before everybody: who passes and who does not, written down a second time."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update

from core.auth import TABLE, Right, require
from core.context import NOBODY, ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import NotAllowed, NotFound, NotSignedIn
from core.models import User
from core.services import courses
from core.vocabulary import Role, Scope
from tests import builders

# Who passes: A admin, P professor, M monitor, S student, T whose the thing is, O an orchestrator whose
# token is good for it, U any person with an account that is open.
WHO = {
    Right.READ_DEFINITIONS: "APM",
    Right.CREATE_DEFINITION: "AP",
    Right.EDIT_DEFINITION: "T",
    Right.MOVE_KEY: "A",
    Right.DRY_RUN: "AP",
    Right.READ_DRY_RUN: "T",
    Right.KEEP_FILE: "AP",
    Right.OWN_ACCOUNT: "U",
    Right.MANAGE_ACCOUNTS: "A",
    Right.MANAGE_CALLBACK_TOKENS: "A",
    Right.READ_INSTALLATION: "A",
    Right.READ_COURSE: "APMS",
    Right.CREATE_COURSE: "AP",
    Right.READ_ROSTER: "APM",
    Right.EDIT_ROSTER: "AP",
    Right.MAKE_PROFESSOR: "A",
    Right.CREATE_ASSIGNMENT: "P",
    Right.EDIT_ASSIGNMENT: "P",
    Right.SUBMIT: "S",
    Right.READ_OWN_TASK: "T",
    Right.READ_ANY_TASK: "APMO",
    Right.READ_ANY_FILE: "APM",
    Right.LIST_TASKS: "APM",
    Right.READ_OWN_NOTICES: "U",
    Right.CHECK_RECEIPT: "U",
    Right.REQUEUE: "PM",
    Right.DECIDE_TRIAL: "P",
    Right.FOLLOW_OPERATION: "AT",
    Right.MONITOR: "APM",
    Right.TRIAGE: "PM",
    Right.READ_ALERTS: "APM",
    Right.ACKNOWLEDGE_ALERT: "APM",
    Right.MANAGE_ALERTS: "AP",
    Right.WATCH_INSTALLATION: "A",
    Right.EVALUATE_ALERTS: "",
    Right.READ_AUDIT: "APM",
    Right.REPORT: "O",
    Right.REPORT_LOG: "O",
    Right.REPORT_STATUS: "O",
    Right.REPORT_REQUEUE: "O",
    Right.MARK_STALLED: "",
    Right.RECOUNT: "",
    Right.HANDLE_PARKED: "APM",
    Right.HANDLE_UNATTRIBUTED: "A",
}
DECISIONS = {"require", "courses_with", "NotSignedIn"}
"""What a use case calls, or raises where it is about nobody's rows but the actor's own."""

LETTERS = {Role.PROFESSOR: "P", Role.MONITOR: "M", Role.STUDENT: "S"}


@dataclass(frozen=True)
class Crowd:
    """A course, another one, and who comes: by name the actor and their letters in the first."""

    course_id: int
    people: dict[str, tuple[Actor, str]]


@pytest.fixture
def crowd(ctx: Context) -> Crowd:
    here, elsewhere = (courses.create_course(ctx, PLATFORM, name=name) for name in ("Here", "Elsewhere"))
    people = {
        "admin": (builders.person(ctx, "admin", is_admin=True), "A"),
        "orchestrator": (ORCHESTRATOR, "O"),
    }
    for role, letter in LETTERS.items():
        for place, course_id, letters in (("here", here, letter), ("elsewhere", elsewhere, "")):
            actor = builders.person(ctx, f"{role.value}-{place}")
            courses.enrol(ctx, PLATFORM, course_id, actor.user_id or 0, role)
            people[f"{role.value} {place}"] = (actor, letters)
    closed = builders.person(ctx, "closed", is_admin=True)
    courses.enrol(ctx, PLATFORM, here, closed.user_id or 0, Role.PROFESSOR)
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == closed.user_id).values(disabled_at=ctx.now()))
    people |= {
        "closed": (closed, ""),
        "in no course": (builders.person(ctx, "alone"), ""),
        "nobody": (NOBODY, ""),
    }
    return Crowd(here, people)


def passes(ctx: Context, actor: Actor, right: Right, **about: int | None) -> bool:
    with ctx.db.transaction() as session:
        try:
            require(session, actor, right, **about)
        except (NotAllowed, NotFound, NotSignedIn):
            return False
    return True


def test_a_right_in_a_course_is_of_those_whom_it_names_there(ctx: Context, crowd: Crowd) -> None:
    wrong = [
        (right.value, name)
        for right, who in WHO.items()
        for name, (actor, letters) in crowd.people.items()
        if passes(ctx, actor, right, course_id=crowd.course_id) is not bool(set(letters) & set(who))
    ]

    assert wrong == []


def test_what_is_somebodys_own_is_theirs_and_only_with_a_place_in_the_course(
    ctx: Context, crowd: Crowd
) -> None:
    wrong = [
        (right.value, name)
        for right, who in WHO.items()
        for name, (actor, letters) in crowd.people.items()
        if passes(ctx, actor, right, course_id=crowd.course_id, owner_id=actor.user_id)
        is not bool(set(letters + ("T" if set(letters) & set("APMS") else "")) & set(who))
    ]

    assert wrong == []


def test_without_a_course_the_role_in_any_course_counts(ctx: Context, crowd: Crowd) -> None:
    def letters_of(name: str, letters: str) -> str:
        if name in {"closed", "nobody", "orchestrator"}:
            return letters
        return letters + "U" + next((LETTERS[role] for role in Role if name.startswith(role.value)), "")

    wrong = [
        (right.value, name)
        for right, who in WHO.items()
        for name, (actor, letters) in crowd.people.items()
        if passes(ctx, actor, right) is not bool(set(letters_of(name, letters)) & set(who))
    ]

    assert wrong == []


def test_a_token_is_good_for_what_it_was_made_for(ctx: Context, crowd: Crowd) -> None:
    needed = {
        Right.REPORT: {Scope.LOGS, Scope.STATUS, Scope.REQUEUE},
        Right.REPORT_LOG: {Scope.LOGS},
        Right.REPORT_STATUS: {Scope.STATUS},
        Right.REPORT_REQUEUE: {Scope.REQUEUE},
        Right.READ_ANY_TASK: {Scope.READ},
    }

    wrong = [
        (right.value, scope.value)
        for right in Right
        for scope in Scope
        if passes(
            ctx, Actor(is_orchestrator=True, scopes=frozenset({scope})), right, course_id=crowd.course_id
        )
        is not (needed.get(right) == {scope})
    ]

    assert wrong == []


def test_every_right_is_written_down_here(ctx: Context) -> None:
    assert set(WHO) == set(TABLE) == set(Right)
    assert all(passes(ctx, PLATFORM, right) for right in Right)


def test_every_use_case_asks_who_may() -> None:
    calls: defaultdict[str, set[str]] = defaultdict(set)
    use_cases = set()
    for path in (Path(__file__).resolve().parents[2] / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                calls[node.name] |= called(node)
                begins = [argument.arg for argument in node.args.args[:2]]
                if "services" in path.parts and begins == ["ctx", "actor"] and not node.name.startswith("_"):
                    use_cases.add(node.name)

    def asks(name: str, seen: set[str]) -> bool:
        if name in seen:
            return False
        seen.add(name)
        return bool(calls[name] & DECISIONS) or any(asks(inner, seen) for inner in calls[name] & set(calls))

    assert len(use_cases) > 140
    assert {name for name in use_cases if not asks(name, set())} == set()


def called(function: ast.FunctionDef) -> set[str]:
    """The names of what a function calls and raises."""
    nodes = list(ast.walk(function))
    found = [node.func for node in nodes if isinstance(node, ast.Call)]
    found += [node.exc for node in nodes if isinstance(node, ast.Raise) and node.exc is not None]
    return {node.id if isinstance(node, ast.Name) else getattr(node, "attr", "") for node in found}
