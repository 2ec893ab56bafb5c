"""Whose each definition is and what would be in the way of deleting it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural
from core.models import Assignment, Course, Task, TaskDefinition, User


@dataclass(frozen=True, slots=True)
class UsingAssignment:
    """An assignment that opens a definition to a course, and how many submissions it has."""

    assignment_id: int
    assignment_name: str
    course_name: str
    submissions: int


@dataclass(frozen=True, slots=True)
class DefinitionUsage:
    """Who owns a definition (e-mail) and which assignments use it, by name."""

    owner_email: str
    assignments: tuple[UsingAssignment, ...]

    @property
    def submissions(self) -> int:
        """How many submissions its assignments have."""
        return sum(user.submissions for user in self.assignments)


def list_usage(ctx: Context, actor: Actor) -> dict[int, DefinitionUsage]:
    """What uses each definition, by the id of the definition.

    Raises:
        NotAllowed: only who teaches a course reads definitions.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_DEFINITIONS)
        owners = session.execute(
            select(TaskDefinition.id, User.email).join(User, User.id == TaskDefinition.owner_id)
        ).all()
        counted = (
            select(Task.assignment_id, func.count(Task.id).label("submissions"))
            .group_by(Task.assignment_id)
            .subquery()
        )
        rows = session.execute(
            select(
                Assignment.definition_id,
                Assignment.id,
                Assignment.assignment_name,
                Course.course_name,
                func.coalesce(counted.c.submissions, 0),
            )
            .join(Course, Course.id == Assignment.course_id)
            .outerjoin(counted, counted.c.assignment_id == Assignment.id)
            .order_by(natural(Assignment.assignment_name), Assignment.id)
        ).all()
    using: dict[int, list[UsingAssignment]] = {}
    for definition_id, *fields in rows:
        using.setdefault(definition_id, []).append(UsingAssignment(*fields))
    return {number: DefinitionUsage(email, tuple(using.get(number, ()))) for number, email in owners}
