"""How people, roles and courses look on the wire (contract 1.1 and 1.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from core.services.courses import CourseSummary, Delivery, Invitation, Member
from core.vocabulary import Role

CourseId = Annotated[int, Path(ge=1, lt=2**63)]
UserId = Annotated[int, Path(ge=1, lt=2**63)]

OLD_WORD = "assistant"
"""The web UI knows the monitor by this word only."""

RoleOut = Literal["professor", "assistant", "student"]
RoleIn = Annotated[
    Role,
    BeforeValidator(lambda value: Role.MONITOR.value if value == OLD_WORD else value),
    WithJsonSchema({"type": "string", "enum": ["professor", "monitor", OLD_WORD, "student"]}),
]
"""Both words are accepted wherever a role comes in."""

StrongestRole = Literal["admin", "professor", "assistant", "student"]

_OUT: dict[Role, RoleOut] = {
    Role.PROFESSOR: "professor",
    Role.MONITOR: "assistant",
    Role.STUDENT: "student",
}


def role_out(role: Role) -> RoleOut:
    """A role by the word that clients know."""
    return _OUT[role]


def strongest(role: Role | None, *, is_admin: bool) -> StrongestRole:
    """What somebody is at most; who is in no course yet is told to be a student."""
    if is_admin:
        return "admin"
    return role_out(role or Role.STUDENT)


class CourseRole(BaseModel):
    """A course and one's role in it."""

    course_id: int
    course_name: str
    course_role: RoleOut

    @classmethod
    def of(cls, courses: list[CourseSummary]) -> list[CourseRole]:
        """Those of `courses` in which one has a role."""
        return [
            cls(course_id=course.id, course_name=course.name, course_role=role_out(course.role))
            for course in courses
            if course.role is not None
        ]


class CourseOut(BaseModel):
    """A course. `course_role` is null for an admin who is no member."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 7,
                "course_name": "Robótica",
                "creation_timestamp": "2026-01-19T13:00:00Z",
                "timezone": "America/Bogota",
                "course_role": "professor",
            }
        }
    )

    id: int
    course_name: str
    creation_timestamp: datetime
    timezone: str = Field(description="Zone in which its dates are meant (IANA name)")
    course_role: RoleOut | None

    @classmethod
    def of(cls, course: CourseSummary) -> CourseOut:
        """The course as it goes out."""
        return cls(
            id=course.id,
            course_name=course.name,
            creation_timestamp=course.creation_timestamp,
            timezone=course.timezone,
            course_role=None if course.role is None else role_out(course.role),
        )


class MemberOut(BaseModel):
    """A person of a course."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 45,
                "email": "ana.gomez@uniandes.edu.co",
                "full_name": "Ana Gómez",
                "nombre": "Ana Gómez",
                "student_code": "202012345",
                "course_role": "student",
                "has_password": True,
                "is_confirmed": True,
                "joined_at": "2026-01-19T13:00:00Z",
            }
        }
    )

    id: int
    email: str
    full_name: str
    nombre: str = Field(description="`full_name` again, as the web UI calls it")
    student_code: str | None = Field(description="The university's number, where a list said it")
    course_role: RoleOut
    has_password: bool = Field(description="false: invited, but has not set a password yet")
    is_confirmed: bool = Field(description="Whether the mailbox is proven; the role holds only then")
    joined_at: datetime

    @classmethod
    def of(cls, member: Member) -> MemberOut:
        """The member as they go out."""
        return cls(
            id=member.id,
            email=member.email,
            full_name=member.full_name,
            nombre=member.full_name,
            student_code=member.student_code,
            course_role=role_out(member.role),
            has_password=member.has_password,
            is_confirmed=member.is_confirmed,
            joined_at=member.joined_at,
        )


class InvitationOut(BaseModel):
    """How a person is asked to set a password. `link` is null unless it is to be handed over."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"email": "ana.gomez@uniandes.edu.co", "link": None, "delivery": "mail"}
        }
    )

    email: str
    link: str | None = Field(description="To be handed to the person; shown this once")
    delivery: Delivery = Field(
        description="mail: a mail goes out; link: see there; admin: only an admin may see the link of this "
        "account; later: the mailbox was sent enough of them lately"
    )

    @classmethod
    def of(cls, invitation: Invitation) -> InvitationOut:
        """The invitation as it goes out."""
        return cls(email=invitation.email, link=invitation.link, delivery=invitation.delivery)
