"""Opening courses, and giving roles in them for seeds and commands."""

from __future__ import annotations

from zoneinfo import available_timezones

from sqlalchemy.dialects.postgresql import insert

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NameTaken, Required, UnknownChoice
from core.models import Course, CourseMember
from core.services.accounts import clean_name, end_links
from core.vocabulary import Role


def create_course(
    ctx: Context, actor: Actor, *, name: str, timezone: str | None = None, is_demo: bool = False
) -> int:
    """A new course; the person who creates it teaches it. Answers its id.

    `timezone` is an IANA name; None: the installation's.

    Raises:
        NotAllowed: only professors of some course and admins create courses.
        Required, TooLong, UnknownChoice: the name or the zone.
        NameTaken: another course has the name.

    """
    name = clean_name(name, "course_name")
    if not name:
        raise Required(field="course_name")
    if timezone is not None and timezone not in available_timezones():
        raise UnknownChoice(field="timezone", value=timezone[:100])
    with ctx.db.transaction() as session:
        require(session, actor, Right.CREATE_COURSE)
        course_id: int | None = session.scalar(
            insert(Course)
            .values(
                course_name=name,
                timezone=timezone or ctx.settings.timezone,
                is_demo=is_demo,
                creation_timestamp=ctx.now(),
            )
            .on_conflict_do_nothing()
            .returning(Course.id)
        )
        if course_id is None:
            raise NameTaken(name=name)
        if actor.user_id is not None:
            session.add(
                CourseMember(
                    course_id=course_id, user_id=actor.user_id, role=Role.PROFESSOR, joined_at=ctx.now()
                )
            )
            session.flush()
            end_links(session, ctx, [actor.user_id])
        return course_id


def enrol(ctx: Context, actor: Actor, course_id: int, user_id: int, role: Role) -> None:
    """Give a person any role in a course, or another one if they are in it already.

    Raises:
        NotAllowed: only the platform and admins; others use `add_member` and `set_role`.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MAKE_PROFESSOR)
        made = insert(CourseMember).values(
            course_id=course_id, user_id=user_id, role=role, joined_at=ctx.now()
        )
        session.execute(
            made.on_conflict_do_update(index_elements=["course_id", "user_id"], set_={"role": role})
        )
        end_links(session, ctx, [user_id])
