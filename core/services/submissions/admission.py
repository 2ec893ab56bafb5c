"""Whether one student may submit to one assignment at a moment: dates, extension, rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from core.archive import ArchiveSummary, normal_name
from core.auth import Right, require
from core.context import Actor, Context
from core.errors import AlreadyClosed, MissingFiles, NoMoreSubmissions, NotFound, NotYetOpen
from core.models import (
    Assignment,
    AssignmentExtension,
    Course,
    CourseMember,
    Task,
    TaskAttempt,
    TaskStageStatus,
)
from core.vocabulary import AssignmentState, FailedBy, LatePolicy, state_at


@dataclass(frozen=True, slots=True)
class Admission:
    """What holds for one student. Moments are UTC."""

    assignment_id: int
    course_id: int
    timezone: str
    starts_at: datetime
    due_at: datetime
    """Their own: with their extension, if they have one."""
    is_extended: bool
    closes_at: datetime | None
    """When nothing is accepted any more: after the time of grace. None: late work is accepted, too."""
    grace_minutes: int
    state: AssignmentState
    """At the moment of asking; what would be accepted late counts as open."""
    is_late: bool
    """Whether what is submitted at the moment of asking is marked as late."""
    most_submissions: int
    used_submissions: int
    limit_mb: int
    required_names: tuple[str, ...]

    @property
    def remaining_submissions(self) -> int | None:
        """How many more are allowed; None: as many as one likes."""
        return max(self.most_submissions - self.used_submissions, 0) if self.most_submissions else None


def get_admission(ctx: Context, actor: Actor, assignment_id: int) -> Admission:
    """What holds for `actor` now; who teaches sees what holds for a student without an extension.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.

    """
    with ctx.db.transaction() as session:
        return _read(session, actor, assignment_id, ctx.now(), Right.READ_COURSE)


def list_admissions(ctx: Context, actor: Actor, course_id: int) -> dict[int, Admission]:
    """What holds for `actor` now in each assignment of the course, by its id.

    Raises:
        NotFound: the actor is a stranger to the course.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_COURSE, course_id=course_id)
        rows = session.execute(_rows(actor).where(Assignment.course_id == course_id)).all()
        used = _counts(session, actor, [row[0].id for row in rows])
        return {row[0].id: _judge(*row, used=used.get(row[0].id, 0), moment=ctx.now()) for row in rows}


def check_admitted(
    session: Session, actor: Actor, assignment_id: int, moment: datetime, *, lock: bool = False
) -> Admission:
    """Let `actor` submit at `moment`. `lock`: no other submission of theirs is admitted meanwhile.

    Raises:
        NotAllowed, NotFound: no student of the course.
        NotYetOpen, AlreadyClosed: outside of their dates.
        NoMoreSubmissions: they have handed in as often as is allowed.

    """
    if lock:
        session.execute(
            select(Assignment.id)
            .where(Assignment.id == assignment_id)
            .with_for_update(read=True, key_share=True)  # it is not deleted before the task is there
        )
        session.execute(
            select(CourseMember.user_id)
            .join(Assignment, Assignment.course_id == CourseMember.course_id)
            .where(Assignment.id == assignment_id, CourseMember.user_id == actor.user_id)
            .with_for_update(of=CourseMember)
        )
    admission = _read(session, actor, assignment_id, moment, Right.SUBMIT)
    if admission.state is AssignmentState.UPCOMING:
        raise NotYetOpen(start=_shown(admission.starts_at, admission.timezone))
    if admission.state is AssignmentState.CLOSED:
        raise AlreadyClosed(end=_shown(admission.due_at, admission.timezone))
    if admission.remaining_submissions == 0:
        raise NoMoreSubmissions(limit=admission.most_submissions)
    return admission


def check_is_student(session: Session, actor: Actor, assignment_id: int, moment: datetime) -> None:
    """Check that `actor` is a student of the course, whatever the dates and rules of the assignment say.

    Raises:
        NotAllowed, NotFound: no student of the course.

    """
    _read(session, actor, assignment_id, moment, Right.SUBMIT)


def check_names(summary: ArchiveSummary, required: Collection[str]) -> None:
    """Check that the archive holds the `required` files, as named or within its one enclosing folder.

    Raises:
        MissingFiles: it names those that are missing.

    """
    folder = f"{summary.top_folder}/" if summary.top_folder else ""
    held = {*summary.names, *(name.removeprefix(folder) for name in summary.names)}
    if missing := [name for name in required if normal_name(name) not in held]:
        raise MissingFiles(names=tuple(missing))


def _read(session: Session, actor: Actor, assignment_id: int, moment: datetime, right: Right) -> Admission:
    row = session.execute(_rows(actor).where(Assignment.id == assignment_id)).one_or_none()
    if row is None:
        raise NotFound(what="assignment")
    require(session, actor, right, course_id=row[0].course_id)
    return _judge(*row, used=_counts(session, actor, [assignment_id]).get(assignment_id, 0), moment=moment)


def _rows(actor: Actor) -> Select[Assignment, str, datetime | None]:
    return (
        select(Assignment, Course.timezone, AssignmentExtension.due_at)
        .join(Course, Course.id == Assignment.course_id)
        .outerjoin(
            AssignmentExtension,
            (AssignmentExtension.assignment_id == Assignment.id)
            & (AssignmentExtension.user_id == actor.user_id),
        )
    )


def _judge(
    assignment: Assignment, timezone: str, extended: datetime | None, *, used: int, moment: datetime
) -> Admission:
    general = assignment.assignment_end_date
    due = max(general, extended) if extended else general
    ends = due + timedelta(minutes=assignment.grace_minutes)
    takes_late = assignment.late_policy == LatePolicy.MARK
    state = state_at(assignment.assignment_start_date, ends, moment)
    return Admission(
        assignment_id=assignment.id,
        course_id=assignment.course_id,
        timezone=timezone,
        starts_at=assignment.assignment_start_date,
        due_at=due,
        is_extended=due > general,
        closes_at=None if takes_late else ends,
        grace_minutes=assignment.grace_minutes,
        state=AssignmentState.OPEN if takes_late and state is AssignmentState.CLOSED else state,
        is_late=moment > ends,
        most_submissions=assignment.most_submissions,
        used_submissions=used,
        limit_mb=assignment.limit_mb,
        required_names=tuple(assignment.required_names),
    )


def _counts(session: Session, actor: Actor, assignment_ids: Sequence[int]) -> dict[int, int]:
    """How many submissions count for each: those that a node crashed on or lost the files of do not."""
    was_lost = exists().where(
        TaskAttempt.task_id == Task.id,
        TaskAttempt.number == Task.current_attempt,
        TaskStageStatus.attempt_id == TaskAttempt.id,
        TaskStageStatus.failed_by.in_([FailedBy.CRASH, FailedBy.UPLOAD]),
    )
    query = select(Task.assignment_id, func.count(Task.id)).where(
        Task.assignment_id.in_(assignment_ids), Task.created_by_id == actor.user_id, ~was_lost
    )
    rows = session.execute(query.group_by(Task.assignment_id))
    return {number: count for number, count in rows if number is not None}


def _shown(moment: datetime, zone_name: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone_name)):%Y-%m-%d %H:%M} ({zone_name})"
