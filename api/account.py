"""What people see of themselves, and what admins do for others (contract, section 1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.deps import ActorDep, ContextDep
from api.etag import EtagRoute
from api.people import CourseRole, StrongestRole, UserId, strongest
from api.problems import responses
from core.services import accounts, courses

router = APIRouter(prefix="/users", tags=["accounts"], route_class=EtagRoute)

TokenId = Annotated[int, Path(ge=1, lt=2**63)]


class Me(BaseModel):
    """The person whose token came with the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 45,
                "email": "ana.gomez@uniandes.edu.co",
                "full_name": "Ana Gómez",
                "is_admin": False,
                "role": "student",
                "language": "es",
                "timezone": None,
            }
        }
    )

    id: int
    email: str
    full_name: str
    is_admin: bool
    role: StrongestRole = Field(description="What the person is at most, over all courses")
    language: str | None
    timezone: str | None


class MyCourse(CourseRole):
    """A course that one belongs to."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 7,
                "course_id": 7,
                "course_name": "Robótica",
                "course_role": "assistant",
                "creation_timestamp": "2026-01-19T13:00:00Z",
                "timezone": "America/Bogota",
            }
        }
    )

    id: int = Field(description="The same as course_id")
    creation_timestamp: datetime
    timezone: str


class ApiTokenOut(BaseModel):
    """One of one's living tokens; the token itself was shown when it was made."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 9,
                "course_id": None,
                "created_at": "2026-03-02T15:00:00Z",
                "last_used_at": "2026-03-02T15:20:00Z",
                "expires_at": "2026-03-02T23:00:00Z",
            }
        }
    )

    id: int
    course_id: int | None = Field(description="The course that it was asked for, if any")
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime


class LinkOut(BaseModel):
    """A one-time link, shown this once."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "url": "http://127.0.0.1:8501/link#token=Jc3…",
                "expires_at": "2026-03-02T16:00:00Z",
            }
        }
    )

    url: str
    expires_at: datetime


@router.get("/me", responses=responses(304, 401))
def get_me(ctx: ContextDep, actor: ActorDep) -> Me:
    """Who I am."""
    person = accounts.get_person(ctx, actor)
    mine = courses.list_my_courses(ctx, person.actor)
    return Me(
        id=person.id,
        email=person.email,
        full_name=person.full_name,
        is_admin=person.is_admin,
        role=strongest(courses.strongest_role(mine), is_admin=person.is_admin),
        language=person.language,
        timezone=person.timezone,
    )


@router.get("/me/courses", responses=responses(304, 401))
def list_my_courses(ctx: ContextDep, actor: ActorDep) -> list[MyCourse]:
    """The courses that I teach, monitor or am enrolled in, with my role in each."""
    mine = {course.id: course for course in courses.list_my_courses(ctx, actor)}
    return [
        MyCourse(
            **role.model_dump(),
            id=role.course_id,
            creation_timestamp=mine[role.course_id].creation_timestamp,
            timezone=mine[role.course_id].timezone,
        )
        for role in CourseRole.of(list(mine.values()))
    ]


@router.get("/me/tokens", responses=responses(304, 401, 403))
def list_my_tokens(ctx: ContextDep, actor: ActorDep) -> list[ApiTokenOut]:
    """My living tokens, the newest first."""
    return [
        ApiTokenOut(
            id=token.id,
            course_id=token.course_id,
            created_at=token.created_at,
            last_used_at=token.last_used_at,
            expires_at=token.expires_at,
        )
        for token in accounts.list_api_tokens(ctx, actor)
    ]


@router.delete("/me/tokens/{token_id}", status_code=204, responses=responses(401, 403, 404))
def revoke_my_token(ctx: ContextDep, actor: ActorDep, token_id: TokenId) -> None:
    """One of my tokens is worth nothing from now on."""
    accounts.revoke_own_api_token(ctx, actor, token_id)


@router.post("/{user_id}/reset_link", status_code=201, responses=responses(401, 403, 404))
def create_reset_link(ctx: ContextDep, actor: ActorDep, user_id: UserId) -> LinkOut:
    """For admins: a link by which this person sets a new password, to be handed over."""
    link = accounts.create_reset_link(ctx, actor, user_id)
    return LinkOut(url=link.url, expires_at=link.expires_at)
