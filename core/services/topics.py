"""Which changes a person may be told about as they happen. A topic names what changed, never how."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from sqlalchemy import select

from core.auth import Right, courses_with
from core.context import Actor, Context
from core.models import Assignment, Task

MONITORING = "monitoring"
_NUMBERED = re.compile(r"(user|course|task):([1-9][0-9]{0,17})")


def of_user(user_id: int) -> str:
    """Everything that happens to the submissions of a person."""
    return f"user:{user_id}"


def of_course(course_id: int) -> str:
    """Everything that happens in a course."""
    return f"course:{course_id}"


def of_task(task_id: int) -> str:
    """What happens to one submission."""
    return f"task:{task_id}"


def limit(ctx: Context, actor: Actor, wanted: AbstractSet[str]) -> frozenset[str]:
    """Those of the `wanted` topics that `actor` may follow now; others are left out without a word.

    Their own submissions and dry runs; where they may read any submission, the course and each of its
    submissions; `MONITORING` where they may monitor a course.

    Raises:
        NotSignedIn: nobody is asking.

    """
    numbers: dict[str, set[int]] = {"user": set(), "course": set(), "task": set()}
    for topic in wanted:
        if match := _NUMBERED.fullmatch(topic):
            numbers[match[1]].add(int(match[2]))
    with ctx.db.transaction() as session:
        member = courses_with(session, actor, Right.READ_COURSE)
        reads = courses_with(session, actor, Right.LIST_TASKS)
        monitors = courses_with(session, actor, Right.MONITOR)
        rows = session.execute(
            select(Task.id, Task.created_by_id, Assignment.course_id)
            .outerjoin(Assignment, Assignment.id == Task.assignment_id)
            .where(Task.id.in_(numbers["task"]))
        ).all()
    tasks = {
        row.id
        for row in rows
        if (row.course_id is not None and _covers(reads, row.course_id))
        or (row.created_by_id == actor.user_id and (row.course_id is None or _covers(member, row.course_id)))
    }
    return frozenset(
        {of_user(number) for number in numbers["user"] if number == actor.user_id}
        | {of_course(number) for number in numbers["course"] if _covers(reads, number)}
        | {of_task(number) for number in tasks}
        | ({MONITORING} & wanted if monitors is None or monitors else set())
    )


def _covers(courses: set[int] | None, course_id: int) -> bool:
    """Whether `course_id` is among `courses`; None means all of them."""
    return courses is None or course_id in courses
