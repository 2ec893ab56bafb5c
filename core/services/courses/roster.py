"""Enrolling everybody of a list: what it would do first, then doing it. Repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import (
    AccountClosed,
    BrokenQuotes,
    HasOtherRole,
    Invalid,
    NotFound,
    NothingUsable,
    Rejected,
    RepeatedRow,
    Required,
)
from core.models import Course, CourseMember, User
from core.services.accounts import check_domain, clean_email, clean_name
from core.services.courses.invitations import Invitation, welcome
from core.services.courses.reading import known_people
from core.services.courses.roster_corrections import (
    RosterCorrection,
    apply_corrections,
    corrections_of,
)
from core.services.courses.roster_file import RosterFile, RosterRow, RosterSheet, find_people
from core.spreadsheets import LARGEST_FILE, read_document
from core.vocabulary import Role

__all__ = ["LARGEST_FILE", "RosterEntry", "RosterOutcome", "RosterRejection", "import_roster"]

_SHOWN_LINE = 200


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """A row of the list that is right. `is_new_account`: there was no account with this address.

    A preview tells this only of people whom the actor has in a course; of others it is true.
    """

    row: int
    email: str
    full_name: str
    student_code: str | None
    is_new_account: bool
    sheet: str = ""
    """The sheet that the row is in; empty where the file has only one."""


@dataclass(frozen=True, slots=True)
class RosterRejection:
    """A row that was left out; `reason` is the error, with its sentence in every language."""

    row: int
    email: str
    reason: Rejected
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class RosterOutcome:
    """What an import did, or with `dry_run` would do.

    `invitations`: of those added who have no password or no proven mailbox. Where mail is sent it goes
    out by itself; else each has a link to hand over. `sheets`: of a file with several sheets of people,
    which were read. `doubtful_names`: names whose accented letters rest on a guess of the file's encoding.
    """

    dry_run: bool
    added: tuple[RosterEntry, ...]
    already_there: tuple[RosterEntry, ...]
    rejected: tuple[RosterRejection, ...]
    invitations: tuple[Invitation, ...]
    corrected: tuple[RosterCorrection, ...] = ()
    sheets: tuple[RosterSheet, ...] = ()
    doubtful_names: tuple[str, ...] = ()

    @property
    def created(self) -> int:
        """How many accounts are new."""
        return sum(entry.is_new_account for entry in self.added)

    @property
    def changes_anything(self) -> bool:
        """Whether the list adds or corrects anything."""
        return bool(self.added or self.corrected)


def check_may_import(ctx: Context, actor: Actor, course_id: int) -> None:
    """Refuse a list before its bytes travel; `import_roster` checks again.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.EDIT_ROSTER, course_id=course_id)


def import_roster(
    ctx: Context,
    actor: Actor,
    course_id: int,
    content: bytes,
    *,
    dry_run: bool = False,
    sheets: Collection[str] | None = None,
) -> RosterOutcome:
    """Enrol the people of an .xlsx, .xls or .csv file as students.

    Accounts are made without a password; a person who has none, or whose mailbox is not proven, is invited
    to set one, and is a student only afterwards. No role changes. Student codes, and names that their owners
    have not written themselves, are corrected. A preview (`dry_run`) tells nothing about people whom the
    actor does not have in a course. `sheets`: which sheets of a workbook are read; None: see `find_people`.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins.
        TooLarge, UnreadableRoster, NotASpreadsheet, RosterWithoutEmails, RosterTooLong, UnknownChoice:
            the file as a whole.
        NothingUsable: not one row can be used (not with `dry_run`, which tells the rows).

    """
    check_may_import(ctx, actor, course_id)
    document = read_document(content)
    file = find_people(document, ctx.settings.allowed_email_domains, sheets)
    entries, rejected = _check(file)
    with ctx.db.transaction() as session:
        require(session, actor, Right.EDIT_ROSTER, course_id=course_id)
        course = session.get(Course, course_id, with_for_update={"key_share": True})
        if course is None:
            raise NotFound(what="course")
        plan = _plan(session, ctx, actor, course_id, entries, rejected=rejected)
        invitations = [] if dry_run else _carry_out(session, ctx, actor, course, plan)
    doubtful = [entry.full_name for entry in entries if not entry.full_name.isascii()]
    return RosterOutcome(
        dry_run,
        tuple(plan.added),
        tuple(plan.already_there),
        tuple(plan.rejected),
        tuple(invitations),
        tuple(plan.corrected),
        file.sheets,
        tuple(doubtful if document.is_guess else ()),
    )


def _check(file: RosterFile) -> tuple[list[RosterEntry], list[RosterRejection]]:
    """Return the rows that are right in themselves, and the others."""
    entries: dict[str, RosterEntry] = {}
    rejected = [
        RosterRejection(row.number, clean_name(row.line[:_SHOWN_LINE]), BrokenQuotes(field="file"))
        for row in file.broken
    ]
    for row in file.people:
        sheet = row.sheet if file.sheets else ""
        try:
            entry = _entry(row, sheet)
            if (earlier := entries.get(entry.email)) is not None:
                place = f"{earlier.row} ({earlier.sheet})" if earlier.sheet else earlier.row
                raise RepeatedRow(field="email", row=place)
            entries[entry.email] = entry
        except Invalid as error:
            rejected.append(RosterRejection(row.number, clean_name(row.email[:200]), error, sheet))
    return list(entries.values()), rejected


def _entry(row: RosterRow, sheet: str) -> RosterEntry:
    if not row.email.strip():
        raise Required(field="Email")
    email = clean_email(row.email)
    name, code = clean_name(row.full_name), clean_name(row.student_code, "ID de alumno")
    return RosterEntry(row.number, email, name, code or None, is_new_account=True, sheet=sheet)


@dataclass(frozen=True, slots=True)
class _Plan:
    added: list[RosterEntry]
    already_there: list[RosterEntry]
    rejected: list[RosterRejection]
    corrected: list[RosterCorrection]


def _plan(
    session: Session,
    ctx: Context,
    actor: Actor,
    course_id: int,
    entries: Sequence[RosterEntry],
    *,
    rejected: Sequence[RosterRejection],
) -> _Plan:
    known = _known(session, actor, course_id, [entry.email for entry in entries])
    plan = _Plan([], [], [*rejected], [])
    for entry in entries:
        user, role = known.get(entry.email, (None, None))
        try:
            if user is None:
                check_domain(ctx, entry.email)
                plan.added.append(entry)
                continue
            _check_known(user, role)
        except Rejected as error:
            plan.rejected.append(RosterRejection(entry.row, entry.email, error, entry.sheet))
            continue
        plan.corrected.extend(corrections_of(user, entry.row, entry.full_name, entry.student_code))
        name = user.full_name if user.name_is_own else entry.full_name or user.full_name
        code = entry.student_code or user.student_code
        there = RosterEntry(entry.row, user.email, name, code, is_new_account=False, sheet=entry.sheet)
        (plan.added if role is None else plan.already_there).append(there)
    plan.rejected.sort(key=lambda no: (no.sheet, no.row))
    return plan


def _carry_out(session: Session, ctx: Context, actor: Actor, course: Course, plan: _Plan) -> list[Invitation]:
    if not plan.added and not plan.already_there:
        raise NothingUsable(field="file", rejected=[(no.row, no.sheet, no.reason) for no in plan.rejected])
    if plan.corrected:
        apply_corrections(session, plan.corrected)
    if plan.added or plan.corrected:
        notify(session, f"course:{course.id}")
    there_before = set(
        session.scalars(select(User.email).where(User.email.in_([entry.email for entry in plan.added])))
    )
    users = _apply(session, ctx, course.id, plan.added)
    entries = {entry.email: entry for entry in plan.added}
    of_strangers = [
        correction
        for user in users
        if user.email in there_before
        for correction in corrections_of(
            user,
            entries[user.email].row,
            entries[user.email].full_name,
            entries[user.email].student_code,
        )
    ]
    if of_strangers:
        apply_corrections(session, of_strangers)
    plan.corrected.extend(of_strangers)
    plan.added[:] = [replace(e, is_new_account=e.email not in there_before) for e in plan.added]
    return welcome(session, ctx, actor, course.course_name, users)


def _check_known(user: User, role: str | None) -> None:
    if user.disabled_at is not None:
        raise AccountClosed
    if role not in (None, Role.STUDENT):
        raise HasOtherRole


def _known(
    session: Session, actor: Actor, course_id: int, emails: Sequence[str]
) -> Mapping[str, tuple[User, str | None]]:
    """Those whom the actor has in a course, with their role in this one. Others are as if they were new."""
    rows = session.execute(
        select(User, CourseMember.role)
        .outerjoin(CourseMember, (CourseMember.user_id == User.id) & (CourseMember.course_id == course_id))
        .where(User.email.in_(emails))
    ).all()
    familiar = known_people(session, actor, [user.id for user, _ in rows])
    return {user.email: (user, role) for user, role in rows if user.id in familiar}


def _apply(session: Session, ctx: Context, course_id: int, added: Sequence[RosterEntry]) -> list[User]:
    """Make the accounts that are missing and enrol all of `added`; return their accounts."""
    if not added:
        return []
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
    return users
