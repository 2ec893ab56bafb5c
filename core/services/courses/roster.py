"""Enrolling everybody of a list: what it would do first, then doing it. Repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import AccountClosed, HasOtherRole, Invalid, NotFound, Rejected, RepeatedRow, Required
from core.models import Course, CourseMember, User
from core.services.accounts import check_domain, clean_email, clean_name
from core.services.courses.invitations import Invitation, invite
from core.services.courses.roster_file import RosterRow, find_people
from core.spreadsheets import LARGEST_FILE, read_tables
from core.vocabulary import Role

__all__ = ["LARGEST_FILE", "RosterEntry", "RosterOutcome", "RosterRejection", "import_roster"]


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """A row of the list that is right. `is_new_account`: nobody had this address before."""

    row: int
    email: str
    full_name: str
    student_code: str | None
    is_new_account: bool


@dataclass(frozen=True, slots=True)
class RosterRejection:
    """A row that was left out; `reason` is the error, with its sentence in every language."""

    row: int
    email: str
    reason: Rejected


@dataclass(frozen=True, slots=True)
class RosterOutcome:
    """What an import did, or with `dry_run` would do.

    `invitations`: of those added who have no password. Where mail is sent it goes out by itself;
    else each has a link to hand over.
    """

    dry_run: bool
    added: tuple[RosterEntry, ...]
    already_there: tuple[RosterEntry, ...]
    rejected: tuple[RosterRejection, ...]
    invitations: tuple[Invitation, ...]

    @property
    def created(self) -> int:
        """How many accounts are new."""
        return sum(entry.is_new_account for entry in self.added)


def check_may_import(ctx: Context, actor: Actor, course_id: int) -> None:
    """Refuse a list before its bytes travel; `import_roster` checks again.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.EDIT_ROSTER, course_id=course_id)


def import_roster(
    ctx: Context, actor: Actor, course_id: int, content: bytes, *, dry_run: bool = False
) -> RosterOutcome:
    """Enrol the people of an .xlsx, .xls or .csv file as students.

    Accounts are made without a password; who has none is invited to set one. Nobody's role changes.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins.
        TooLarge, UnreadableRoster, RosterWithoutEmails, RosterTooLong: the file as a whole.

    """
    check_may_import(ctx, actor, course_id)
    entries, rejected = _check(find_people(read_tables(content)))
    with ctx.db.transaction() as session:
        require(session, actor, Right.EDIT_ROSTER, course_id=course_id)
        course = session.get(Course, course_id, with_for_update={"key_share": True})
        if course is None:
            raise NotFound(what="course")
        plan = _plan(session, ctx, course_id, entries)
        invitations: list[Invitation] = []
        if not dry_run and plan.added:
            users = _apply(session, ctx, course_id, plan.added)
            invitations = invite(session, ctx, actor, course.course_name, users)
            notify(session, f"course:{course_id}")
    every = sorted([*rejected, *plan.rejected], key=lambda rejection: rejection.row)
    return RosterOutcome(
        dry_run, tuple(plan.added), tuple(plan.already_there), tuple(every), tuple(invitations)
    )


def _check(rows: Sequence[RosterRow]) -> tuple[list[RosterEntry], list[RosterRejection]]:
    """The rows that are right in themselves, and the others."""
    entries: dict[str, RosterEntry] = {}
    rejected = []
    for row in rows:
        try:
            entry = _entry(row)
            if entry.email in entries:
                raise RepeatedRow(field="email", row=entries[entry.email].row)
            entries[entry.email] = entry
        except Invalid as error:
            rejected.append(RosterRejection(row.number, clean_name(row.email[:200]), error))
    return list(entries.values()), rejected


def _entry(row: RosterRow) -> RosterEntry:
    if not row.email.strip():
        raise Required(field="Email")
    email = clean_email(row.email)
    code = clean_name(row.student_code, "ID de alumno")
    return RosterEntry(row.number, email, clean_name(row.full_name), code or None, is_new_account=True)


@dataclass(frozen=True, slots=True)
class _Plan:
    added: list[RosterEntry]
    already_there: list[RosterEntry]
    rejected: list[RosterRejection]


def _plan(session: Session, ctx: Context, course_id: int, entries: Sequence[RosterEntry]) -> _Plan:
    known = _known(session, course_id, [entry.email for entry in entries])
    plan = _Plan([], [], [])
    for entry in entries:
        user, role = known.get(entry.email, (None, None))
        try:
            if user is None:
                check_domain(ctx, entry.email)
                plan.added.append(entry)
                continue
            _check_known(user, role)
        except Rejected as error:
            plan.rejected.append(RosterRejection(entry.row, entry.email, error))
            continue
        there = RosterEntry(
            entry.row, user.email, user.full_name or entry.full_name, entry.student_code, False
        )
        (plan.added if role is None else plan.already_there).append(there)
    return plan


def _check_known(user: User, role: str | None) -> None:
    if user.disabled_at is not None:
        raise AccountClosed
    if role not in (None, Role.STUDENT):
        raise HasOtherRole


def _known(session: Session, course_id: int, emails: Sequence[str]) -> Mapping[str, tuple[User, str | None]]:
    rows = session.execute(
        select(User, CourseMember.role)
        .outerjoin(CourseMember, (CourseMember.user_id == User.id) & (CourseMember.course_id == course_id))
        .where(User.email.in_(emails))
    )
    return {user.email: (user, role) for user, role in rows}


def _apply(session: Session, ctx: Context, course_id: int, added: Sequence[RosterEntry]) -> list[User]:
    """Make the accounts that are missing and enrol everybody; who they are."""
    by_email = {entry.email: entry for entry in sorted(added, key=lambda entry: entry.email)}
    now = ctx.now()
    accounts = [
        {"email": e.email, "full_name": e.full_name, "student_code": e.student_code, "created_at": now}
        for e in by_email.values()
    ]
    session.execute(insert(User).values(accounts).on_conflict_do_nothing(index_elements=["email"]))
    users = list(session.scalars(select(User).where(User.email.in_(by_email)).order_by(User.email)))
    members = [
        {"course_id": course_id, "user_id": user.id, "role": Role.STUDENT, "joined_at": now} for user in users
    ]
    session.execute(insert(CourseMember).values(members).on_conflict_do_nothing())
    for user in users:
        user.student_code = user.student_code or by_email[user.email].student_code
        user.full_name = user.full_name or by_email[user.email].full_name
    session.flush()
    return users
