"""Courses and who is in them over HTTP (contract, sections 1 and 1.3)."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.deps import ActorDep, BearerDep, ContextDep
from api.etag import EtagRoute
from api.people import CourseId, CourseOut, InvitationOut, MemberOut, RoleIn, UserId
from api.problems import responses
from core.services import accounts, courses

router = APIRouter(prefix="/courses", tags=["courses"], route_class=EtagRoute)


class CourseIn(BaseModel):
    """A course to be opened. Without a zone it has the installation's."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"course_name": "Robótica", "timezone": "America/Bogota"}}
    )

    course_name: str
    timezone: str | None = Field(None, description="IANA name")


class MemberIn(BaseModel):
    """Somebody to be put into the course. An account is made if there is none."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"email": "luis.perez@uniandes.edu.co", "role": "assistant", "full_name": "Luis Pérez"}
        }
    )

    email: str
    role: RoleIn
    full_name: str = ""


class RoleChange(BaseModel):
    """The role that somebody shall have."""

    model_config = ConfigDict(json_schema_extra={"example": {"role": "assistant"}})

    role: RoleIn


class MemberChangedOut(MemberOut):
    """A member with another role. `invitation` is there where it holds only after a confirmation."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 46,
                "email": "luis.perez@uniandes.edu.co",
                "full_name": "Luis Pérez",
                "nombre": "Luis Pérez",
                "student_code": None,
                "course_role": "assistant",
                "has_password": True,
                "is_confirmed": True,
                "joined_at": "2026-01-19T13:00:00Z",
                "invitation": None,
            }
        }
    )

    invitation: InvitationOut | None


class MemberAddedOut(MemberChangedOut):
    """A person who is in the course now. `invitation` is null for a confirmed one, or one who was in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 46,
                "email": "luis.perez@uniandes.edu.co",
                "full_name": "Luis Pérez",
                "nombre": "Luis Pérez",
                "student_code": None,
                "course_role": "assistant",
                "has_password": False,
                "is_confirmed": False,
                "joined_at": "2026-01-19T13:00:00Z",
                "is_new_account": True,
                "invitation": {"email": "luis.perez@uniandes.edu.co", "link": None, "delivery": "mail"},
            }
        }
    )

    is_new_account: bool


@router.get("", responses=responses(304, 401))
def list_courses(ctx: ContextDep, actor: ActorDep, token: BearerDep) -> list[CourseOut]:
    """The courses that I belong to, for an admin all: that of the token first, then by name."""
    bound = accounts.course_of_api_token(ctx, token)
    mine = sorted(courses.list_my_courses(ctx, actor), key=lambda course: course.id != bound)
    return [CourseOut.of(course) for course in mine]


@router.post("", status_code=201, responses=responses(401, 403, 409))
def create_course(ctx: ContextDep, actor: ActorDep, course: CourseIn) -> CourseOut:
    """Open a course and teach it. For who is a professor in any course, and for admins."""
    course_id = courses.create_course(ctx, actor, name=course.course_name, timezone=course.timezone)
    return CourseOut.of(courses.get_course(ctx, actor, course_id))


@router.get("/{course_id}", responses=responses(304, 401, 403, 404))
def get_course(ctx: ContextDep, actor: ActorDep, course_id: CourseId) -> CourseOut:
    """One course."""
    return CourseOut.of(courses.get_course(ctx, actor, course_id))


@router.get("/{course_id}/students", responses=responses(304, 401, 403, 404))
def list_course_students(ctx: ContextDep, actor: ActorDep, course_id: CourseId) -> list[MemberOut]:
    """The students of the course, by e-mail. For those who teach it."""
    return [MemberOut.of(member) for member in courses.list_students(ctx, actor, course_id)]


@router.get("/{course_id}/users", responses=responses(304, 401, 403, 404))
def list_members(ctx: ContextDep, actor: ActorDep, course_id: CourseId) -> list[MemberOut]:
    """Everybody in the course, professors first, then by e-mail. For those who teach it."""
    return [MemberOut.of(member) for member in courses.list_members(ctx, actor, course_id)]


@router.post("/{course_id}/users", status_code=201, responses=responses(401, 403, 404, 409))
def add_member(ctx: ContextDep, actor: ActorDep, course_id: CourseId, person: MemberIn) -> MemberAddedOut:
    """Put one person into the course by e-mail. New professors are made by admins."""
    added = courses.add_member(
        ctx, actor, course_id, email=person.email, role=person.role, full_name=person.full_name
    )
    return MemberAddedOut(
        **MemberOut.of(added.member).model_dump(),
        is_new_account=added.is_new_account,
        invitation=None if added.invitation is None else InvitationOut.of(added.invitation),
    )


@router.patch("/{course_id}/users/{user_id}", responses=responses(401, 403, 404, 409))
def set_member_role(
    ctx: ContextDep, actor: ActorDep, course_id: CourseId, user_id: UserId, change: RoleChange
) -> MemberChangedOut:
    """Give a member of the course another role."""
    changed = courses.set_role(ctx, actor, course_id, user_id, change.role)
    return MemberChangedOut(
        **MemberOut.of(changed.member).model_dump(),
        invitation=None if changed.invitation is None else InvitationOut.of(changed.invitation),
    )


@router.delete("/{course_id}/users/{user_id}", status_code=204, responses=responses(401, 403, 404, 409))
def remove_member(ctx: ContextDep, actor: ActorDep, course_id: CourseId, user_id: UserId) -> None:
    """Take somebody out of the course. Their account stays, and what they submitted."""
    courses.remove_member(ctx, actor, course_id, user_id)


@router.post(
    "/{course_id}/users/{user_id}/invitation", status_code=201, responses=responses(401, 403, 404, 409)
)
def invite_member(ctx: ContextDep, actor: ActorDep, course_id: CourseId, user_id: UserId) -> InvitationOut:
    """Invite a member once more who has not set a password."""
    return InvitationOut.of(courses.invite_again(ctx, actor, course_id, user_id))


@router.post("/{course_id}/invitations", status_code=201, responses=responses(401, 403, 404))
def invite_members(ctx: ContextDep, actor: ActorDep, course_id: CourseId) -> list[InvitationOut]:
    """Invite every member once more who has not set a password; without mail, with a link for each."""
    return [InvitationOut.of(made) for made in courses.invite_all_again(ctx, actor, course_id)]
