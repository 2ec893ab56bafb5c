"""Opening, changing and removing assignments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify, violates
from core.errors import (
    BadRange,
    DefinitionFixed,
    EndBeforeStart,
    HasSubmissions,
    NameTaken,
    NotFound,
    UnknownChoice,
)
from core.models import Assignment, AssignmentStatement, Task, TaskAttempt, TaskDefinition
from core.services import audit
from core.services.assignments.reading import AssignmentView, read_assignment, require_in_course_of
from core.services.assignments.rules import AssignmentRules, check_rules, write_rules
from core.services.assignments.statement import copied_statement
from core.services.audit import Deed
from core.services.leftovers import note_unneeded, remove_soon
from core.services.texts import clean_text
from core.vocabulary import AuditAction, StoredAt

NAME_LIMIT = 200
TEXT_LIMIT = 10_000

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Dates beyond are slips of the keyboard, and some of them Postgres could not give back."""

_NAME_KEY = "uq_assignment_course_id_assignment_name"


@dataclass(frozen=True, slots=True)
class AssignmentDraft:
    """What a professor says of an assignment. Dates are aware.

    `rules` that are None are the usual ones of a new assignment, and stay as they are in a change.
    """

    assignment_name: str
    task_definition_id: int
    assignment_start_date: datetime
    assignment_end_date: datetime
    assignment_description: str = ""
    rules: AssignmentRules | None = None


def create_assignment(ctx: Context, actor: Actor, course_id: int, draft: AssignmentDraft) -> AssignmentView:
    """Open a definition to a course.

    Raises:
        NotAllowed: only professors of the course.
        Invalid, NameTaken: a field, among them a definition that does not exist, or the name.

    """
    with _distinct_name(draft), ctx.db.transaction() as session:
        assignment_id = _create(session, ctx, actor, course_id, draft)
        return read_assignment(session, ctx, assignment_id)


def duplicate_assignment(
    ctx: Context, actor: Actor, source_id: int, course_id: int, draft: AssignmentDraft
) -> AssignmentView:
    """Open an assignment like `source_id` to a course: what `draft` says, with a copy of its PDF.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course; or its PDF is gone.
        StorageUnavailable: the PDF cannot be copied now; nothing was kept.
        NotAllowed, Invalid, NameTaken: as `create_assignment`.

    """
    with (
        copied_statement(ctx, actor, course_id, source_id) as write_statement,
        _distinct_name(draft),
        ctx.db.transaction() as session,
    ):
        assignment_id = _create(session, ctx, actor, course_id, draft)
        write_statement(session, assignment_id)
        session.flush()
        return read_assignment(session, ctx, assignment_id)


def _create(session: Session, ctx: Context, actor: Actor, course_id: int, draft: AssignmentDraft) -> int:
    require(session, actor, Right.CREATE_ASSIGNMENT, course_id=course_id)
    draft = _checked(session, ctx, draft, course_id)
    assignment = Assignment(
        course_id=course_id,
        definition_id=draft.task_definition_id,
        assignment_name=draft.assignment_name,
        assignment_description=draft.assignment_description,
        assignment_start_date=draft.assignment_start_date,
        assignment_end_date=draft.assignment_end_date,
        created_by_id=_creator(session, actor, draft.task_definition_id),
        creation_timestamp=ctx.now(),
    )
    write_rules(assignment, draft.rules or AssignmentRules())
    session.add(assignment)
    session.flush()
    _write_down(session, ctx, actor, AuditAction.ASSIGNMENT_CREATED, assignment, before={})
    notify(session, f"course:{course_id}")
    return assignment.id


def update_assignment(
    ctx: Context, actor: Actor, assignment_id: int, draft: AssignmentDraft
) -> AssignmentView:
    """Change an assignment; its definition only while nobody has submitted.

    Raises:
        NotFound, NotAllowed: only professors of its course.
        Invalid, NameTaken: as `create_assignment`.
        DefinitionFixed: there are submissions and the definition would change.

    """
    with _distinct_name(draft), ctx.db.transaction() as session:
        assignment = _locked(session, actor, assignment_id)
        draft = _checked(session, ctx, draft, assignment.course_id, assignment_id)
        count = _count_tasks(session, assignment_id)
        if draft.task_definition_id != assignment.definition_id and count:
            raise DefinitionFixed(name=assignment.assignment_name, count=count)
        before = _facts(assignment)
        assignment.definition_id = draft.task_definition_id
        assignment.assignment_name = draft.assignment_name
        assignment.assignment_description = draft.assignment_description
        assignment.assignment_start_date = draft.assignment_start_date
        assignment.assignment_end_date = draft.assignment_end_date
        if draft.rules is not None:
            write_rules(assignment, draft.rules)
        session.flush()
        _write_down(session, ctx, actor, AuditAction.ASSIGNMENT_CHANGED, assignment, before=before)
        notify(session, f"course:{assignment.course_id}")
        return read_assignment(session, ctx, assignment_id)


def delete_assignment(ctx: Context, actor: Actor, assignment_id: int, *, force: bool = False) -> None:
    """Remove an assignment; with `force` also one with submissions, and then their files, too.

    Raises:
        NotFound, NotAllowed: only professors of its course.
        HasSubmissions: there are some and `force` was not asked for.

    """
    with ctx.db.transaction() as session:
        assignment = _locked(session, actor, assignment_id)
        count = _count_tasks(session, assignment_id)
        if count and not force:
            raise HasSubmissions(name=assignment.assignment_name, count=count)
        facts = _facts(assignment) | {"submissions": count}
        _write_down(session, ctx, actor, AuditAction.ASSIGNMENT_DELETED, assignment, before=facts)
        note_unneeded(session, ctx, _files_of(session, assignment_id))
        session.execute(delete(Assignment).where(Assignment.id == assignment_id))
        notify(session, f"course:{assignment.course_id}", "monitoring")
    remove_soon(ctx)


def _facts(assignment: Assignment) -> dict[str, object]:
    return {
        "name": assignment.assignment_name,
        "definition": assignment.definition_id,
        "start": assignment.assignment_start_date.isoformat(),
        "end": assignment.assignment_end_date.isoformat(),
    }


def _write_down(
    session: Session,
    ctx: Context,
    actor: Actor,
    action: AuditAction,
    assignment: Assignment,
    *,
    before: dict[str, object],
) -> None:
    after = {} if action is AuditAction.ASSIGNMENT_DELETED else _facts(assignment)
    deed = Deed(
        action, assignment.assignment_name, course_id=assignment.course_id, before=before, after=after
    )
    audit.record(session, ctx, actor, deed)


def _files_of(session: Session, assignment_id: int) -> set[str]:
    originals = select(Task.original_path).where(
        Task.assignment_id == assignment_id, Task.stored_at == StoredAt.FTP
    )
    attempts = (
        select(TaskAttempt.file_path)
        .join(Task, Task.id == TaskAttempt.task_id)
        .where(Task.assignment_id == assignment_id)
    )
    statements = select(AssignmentStatement.path).where(AssignmentStatement.assignment_id == assignment_id)
    return {path for query in (originals, attempts, statements) for path in session.scalars(query)}


def _locked(session: Session, actor: Actor, assignment_id: int) -> Assignment:
    """The assignment, until the transaction ends: nobody submits to it meanwhile."""
    require_in_course_of(session, actor, Right.EDIT_ASSIGNMENT, assignment_id)
    found = session.get(Assignment, assignment_id, with_for_update=True)
    if found is None:
        raise NotFound(what="assignment")
    return found


def _count_tasks(session: Session, assignment_id: int) -> int:
    return session.scalar(select(func.count(Task.id)).where(Task.assignment_id == assignment_id)) or 0


def _creator(session: Session, actor: Actor, definition_id: int) -> int:
    if actor.user_id is not None:
        return actor.user_id
    return session.scalars(select(TaskDefinition.owner_id).where(TaskDefinition.id == definition_id)).one()


@contextmanager
def _distinct_name(draft: AssignmentDraft) -> Iterator[None]:
    """Names stay distinct, also when two people save at once."""
    try:
        yield
    except IntegrityError as error:
        if violates(error, _NAME_KEY):
            raise NameTaken(name=draft.assignment_name.strip()) from error
        raise


def _checked(
    session: Session, ctx: Context, draft: AssignmentDraft, course_id: int, own_id: int | None = None
) -> AssignmentDraft:
    """The draft as it is stored, its dates in UTC, if it can be accepted.

    The definition is locked, so that it is not deleted meanwhile.
    """
    name = clean_text("assignment_name", draft.assignment_name, limit=NAME_LIMIT, required=True)
    start = _date("assignment_start_date", draft.assignment_start_date)
    end = _date("assignment_end_date", draft.assignment_end_date)
    if end <= start:
        raise EndBeforeStart(field="assignment_end_date")
    definition = select(TaskDefinition.id).where(TaskDefinition.id == draft.task_definition_id)
    if session.scalar(definition.with_for_update(read=True, key_share=True)) is None:
        raise UnknownChoice(field="task_definition_id", value=draft.task_definition_id)
    twin = session.scalar(
        select(Assignment.id).where(Assignment.course_id == course_id, Assignment.assignment_name == name)
    )
    if twin is not None and twin != own_id:
        raise NameTaken(name=name)
    return AssignmentDraft(
        assignment_name=name,
        task_definition_id=draft.task_definition_id,
        assignment_start_date=start,
        assignment_end_date=end,
        assignment_description=clean_text(
            "assignment_description", draft.assignment_description, limit=TEXT_LIMIT
        ),
        rules=check_rules(draft.rules, ctx.settings) if draft.rules else None,
    )


def _date(field: str, moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise BadRange(field=field, low=f"{_EARLIEST:%Y-%m-%d}", high=f"{_LATEST:%Y-%m-%d}")
    return moment.astimezone(UTC)
