"""Who may do what: one table, deny unless it says otherwise.

Each use case names its `Right` first thing. Roles are per course and read from the database in
the use case's own transaction, so that a role that was taken away ends at once. No role holds for an
account whose mailbox is not proven: whoever registers a stranger's address first must not become that
person for every later list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Actor
from core.errors import NotAllowed, NotFound, NotSignedIn
from core.models import CourseMember, User
from core.vocabulary import Role, Scope


class Right(StrEnum):
    """What can be allowed or denied; one per use case or family of use cases that go together."""

    READ_DEFINITIONS = "definitions.read"
    CREATE_DEFINITION = "definitions.create"
    EDIT_DEFINITION = "definitions.edit"
    MOVE_KEY = "definitions.move_key"
    DRY_RUN = "definitions.dry_run"
    READ_DRY_RUN = "definitions.read_dry_run"
    KEEP_FILE = "uploads.keep"
    """To have a list, an image or a statement kept until the form around it is saved."""
    OWN_ACCOUNT = "accounts.own"
    MANAGE_ACCOUNTS = "accounts.manage"
    MANAGE_CALLBACK_TOKENS = "callback_tokens.manage"
    READ_INSTALLATION = "installation.read"
    READ_COURSE = "courses.read"
    CREATE_COURSE = "courses.create"
    READ_ROSTER = "courses.roster"
    EDIT_ROSTER = "courses.edit_roster"
    MAKE_PROFESSOR = "courses.make_professor"
    CREATE_ASSIGNMENT = "assignments.create"
    EDIT_ASSIGNMENT = "assignments.edit"
    SUBMIT = "submissions.submit"
    READ_OWN_TASK = "submissions.read_own"
    READ_ANY_TASK = "submissions.read_any"
    READ_ANY_FILE = "submissions.read_any_file"
    LIST_TASKS = "submissions.list"
    READ_OWN_NOTICES = "notices.own"
    CHECK_RECEIPT = "receipts.check"
    REQUEUE = "tasks.requeue"
    DECIDE_TRIAL = "operations.decide_trial"
    FOLLOW_OPERATION = "operations.follow"
    MONITOR = "monitoring.read"
    TRIAGE = "monitoring.triage"
    READ_ALERTS = "alerts.read"
    ACKNOWLEDGE_ALERT = "alerts.acknowledge"
    MANAGE_ALERTS = "alerts.manage"
    WATCH_INSTALLATION = "alerts.installation"
    EVALUATE_ALERTS = "alerts.evaluate"
    READ_AUDIT = "audit.read"
    REPORT = "reports.write"
    REPORT_LOG = "reports.log"
    REPORT_STATUS = "reports.status"
    REPORT_REQUEUE = "reports.requeue"
    MARK_STALLED = "tasks.mark_stalled"
    RECOUNT = "monitoring.recount"
    HANDLE_PARKED = "reports.parked"
    HANDLE_UNATTRIBUTED = "reports.unattributed"


class Standing(StrEnum):
    """Who somebody is beside their role in a course."""

    ADMIN = "admin"
    OWNER = "owner"
    ORCHESTRATOR = "orchestrator"
    PERSON = "person"
    """Anybody with an account that is not closed."""


_TEACHES: frozenset[Role | Standing] = frozenset({Role.PROFESSOR, Role.MONITOR, Standing.ADMIN})

TABLE: Mapping[Right, frozenset[Role | Standing]] = MappingProxyType(
    {
        Right.READ_DEFINITIONS: _TEACHES,
        Right.CREATE_DEFINITION: frozenset({Role.PROFESSOR, Standing.ADMIN}),
        Right.EDIT_DEFINITION: frozenset({Standing.OWNER}),
        Right.MOVE_KEY: frozenset({Standing.ADMIN}),
        Right.DRY_RUN: frozenset({Role.PROFESSOR, Standing.ADMIN}),
        Right.READ_DRY_RUN: frozenset({Standing.OWNER}),
        Right.KEEP_FILE: frozenset({Role.PROFESSOR, Standing.ADMIN}),
        Right.OWN_ACCOUNT: frozenset({Standing.PERSON}),
        Right.MANAGE_ACCOUNTS: frozenset({Standing.ADMIN}),
        Right.MANAGE_CALLBACK_TOKENS: frozenset({Standing.ADMIN}),
        Right.READ_INSTALLATION: frozenset({Standing.ADMIN}),
        Right.READ_COURSE: frozenset({*Role, Standing.ADMIN}),
        Right.CREATE_COURSE: frozenset({Role.PROFESSOR, Standing.ADMIN}),
        Right.READ_ROSTER: _TEACHES,
        Right.EDIT_ROSTER: frozenset({Role.PROFESSOR, Standing.ADMIN}),
        Right.MAKE_PROFESSOR: frozenset({Standing.ADMIN}),
        Right.CREATE_ASSIGNMENT: frozenset({Role.PROFESSOR}),
        Right.EDIT_ASSIGNMENT: frozenset({Role.PROFESSOR}),
        Right.SUBMIT: frozenset({Role.STUDENT}),
        Right.READ_OWN_TASK: frozenset({Standing.OWNER}),
        Right.READ_ANY_TASK: frozenset({*_TEACHES, Standing.ORCHESTRATOR}),
        Right.READ_ANY_FILE: _TEACHES,
        Right.LIST_TASKS: _TEACHES,
        Right.READ_OWN_NOTICES: frozenset({Standing.PERSON}),
        Right.CHECK_RECEIPT: frozenset({Standing.PERSON}),
        Right.REQUEUE: frozenset({Role.PROFESSOR, Role.MONITOR}),
        Right.DECIDE_TRIAL: frozenset({Role.PROFESSOR}),
        Right.FOLLOW_OPERATION: frozenset({Standing.OWNER, Standing.ADMIN}),
        Right.MONITOR: _TEACHES,
        Right.TRIAGE: frozenset({Role.PROFESSOR, Role.MONITOR}),
        Right.READ_ALERTS: _TEACHES,
        Right.ACKNOWLEDGE_ALERT: _TEACHES,
        Right.MANAGE_ALERTS: frozenset({Role.PROFESSOR, Standing.ADMIN}),
        Right.WATCH_INSTALLATION: frozenset({Standing.ADMIN}),
        Right.EVALUATE_ALERTS: frozenset(),
        Right.READ_AUDIT: _TEACHES,
        Right.REPORT: frozenset({Standing.ORCHESTRATOR}),
        Right.REPORT_LOG: frozenset({Standing.ORCHESTRATOR}),
        Right.REPORT_STATUS: frozenset({Standing.ORCHESTRATOR}),
        Right.REPORT_REQUEUE: frozenset({Standing.ORCHESTRATOR}),
        Right.MARK_STALLED: frozenset(),
        Right.RECOUNT: frozenset(),
        Right.HANDLE_PARKED: _TEACHES,
        Right.HANDLE_UNATTRIBUTED: frozenset({Standing.ADMIN}),
    }
)
"""The whole decision. The platform itself (`PLATFORM`) may do everything."""

SCOPES: Mapping[Right, frozenset[Scope]] = MappingProxyType(
    {
        Right.READ_ANY_TASK: frozenset({Scope.READ}),
        Right.REPORT: frozenset({Scope.LOGS, Scope.STATUS, Scope.REQUEUE}),
        Right.REPORT_LOG: frozenset({Scope.LOGS}),
        Right.REPORT_STATUS: frozenset({Scope.STATUS}),
        Right.REPORT_REQUEUE: frozenset({Scope.REQUEUE}),
    }
)
"""What an orchestrator's token must be good for, all of it; without an entry no token is."""


def require(
    session: Session, actor: Actor, right: Right, *, course_id: int | None = None, owner_id: int | None = None
) -> None:
    """Let `actor` pass if the table allows `right`, judged by the role in `course_id`.

    Without a course (definitions, figures over all courses) the role in any course counts.
    `owner_id` is who the thing belongs to: a student's own task.

    Raises:
        NotSignedIn: nobody is asking.
        NotFound: a stranger to the course may not even know that it exists.
        NotAllowed: a member whose role does not allow it.

    """
    if actor.is_platform:
        return
    if actor.user_id is None and not actor.is_orchestrator:
        raise NotSignedIn
    standing = _standing(session, actor, course_id, owner_id)
    if _allows(actor, right, standing):
        return
    if course_id is not None and not standing:
        raise NotFound(what="course")
    raise NotAllowed


def may(session: Session, actor: Actor, right: Right, *, course_id: int | None = None) -> bool:
    """Whether `require` would let `actor` pass, for use cases that do more for some than for others."""
    return actor.is_platform or _allows(actor, right, _standing(session, actor, course_id, None))


def _allows(actor: Actor, right: Right, standing: set[Role | Standing]) -> bool:
    return bool(standing & TABLE[right]) and (not actor.is_orchestrator or _in_scope(actor, right))


def _in_scope(actor: Actor, right: Right) -> bool:
    return right in SCOPES and actor.scopes >= SCOPES[right]


def _standing(
    session: Session, actor: Actor, course_id: int | None, owner_id: int | None
) -> set[Role | Standing]:
    if actor.is_orchestrator:
        return {Standing.ORCHESTRATOR}
    person = _look_up(session, actor, course_id)
    if person is None:
        return set()
    standing: set[Role | Standing] = set(person.roles)
    if person.is_admin:
        standing.add(Standing.ADMIN)
    if standing and owner_id is not None and owner_id == actor.user_id:
        standing.add(Standing.OWNER)
    if course_id is None:
        standing.add(Standing.PERSON)
    return standing


@dataclass(frozen=True, slots=True)
class _Person:
    """A person whose account is open: whether an admin, and the roles that were asked for."""

    is_admin: bool
    roles: frozenset[Role]


def _look_up(session: Session, actor: Actor, course_id: int | None) -> _Person | None:
    """The person with their roles in `course_id`, or in any course when it is None."""
    about = CourseMember.user_id == User.id
    if course_id is not None:
        about &= CourseMember.course_id == course_id
    rows = session.execute(
        select(User.confirmed_at, User.is_admin, CourseMember.role)
        .outerjoin(CourseMember, about)
        .where(User.id == actor.user_id, User.disabled_at.is_(None))
        .distinct()
    ).all()
    if not rows:
        return None
    if rows[0].confirmed_at is None:
        return _Person(is_admin=False, roles=frozenset())
    return _Person(rows[0].is_admin, frozenset(Role(row.role) for row in rows if row.role is not None))


def roles_of(session: Session, actor: Actor, course_id: int) -> frozenset[Role]:
    """The roles of `actor` in `course_id`."""
    person = _look_up(session, actor, course_id)
    return person.roles if person else frozenset()


def courses_with(session: Session, actor: Actor, right: Right) -> set[int] | None:
    """Ids of the courses in which `actor` has `right`; None means all of them.

    Raises:
        NotSignedIn: nobody is asking.

    """
    if actor.is_platform:
        return None
    if actor.user_id is None:
        raise NotSignedIn
    is_open = (User.disabled_at.is_(None), User.confirmed_at.is_not(None))
    is_admin = select(User.id).where(User.id == actor.user_id, User.is_admin, *is_open)
    if Standing.ADMIN in TABLE[right] and session.scalar(is_admin) is not None:
        return None
    roles = [role for role in Role if role in TABLE[right]]
    query = (
        select(CourseMember.course_id)
        .join(User, User.id == CourseMember.user_id)
        .where(
            CourseMember.user_id == actor.user_id,
            CourseMember.role.in_(roles),
            *is_open,
        )
    )
    return set(session.scalars(query))
