"""Registering, signing in and out, and passwords over HTTP (contract, sections 1 and 1.3)."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.deps import ActorDep, BearerDep, ContextDep
from api.lane import in_lane
from api.people import CourseRole, RoleOut, StrongestRole, role_out, strongest
from api.problems import responses
from core.services import accounts, courses

router = APIRouter(prefix="/auth", tags=["accounts"])

_LONGEST = 1_000


class Credentials(BaseModel):
    """What a person signs in with."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"email": "ana.gomez@uniandes.edu.co", "password": "cuatro caballos azules"}
        }
    )

    email: str = Field(max_length=_LONGEST)
    password: str = Field(max_length=_LONGEST)


class Registration(Credentials):
    """What a person registers with."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "email": "ana.gomez@uniandes.edu.co",
                "password": "cuatro caballos azules",
                "full_name": "Ana Gómez",
            }
        }
    )

    full_name: str = Field("", max_length=_LONGEST)


class Registered(BaseModel):
    """The account, or, where a mail goes out whose link makes it, what was asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"id": 45, "email": "ana.gomez@uniandes.edu.co", "full_name": "Ana Gómez"}
        }
    )

    id: int = Field(description="Of the account; where a mail goes out, of the registration")
    email: str
    full_name: str


class Token(BaseModel):
    """A bearer token of 8 hours."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  the word of RFC 6750


class Login(Token):
    """A token, and where it is good for."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "access_token": "3mJ…",
                "token_type": "bearer",
                "role": "professor",
                "courses": [{"course_id": 7, "course_name": "Robótica", "course_role": "professor"}],
            }
        }
    )

    role: StrongestRole = Field(description="What the person is at most, over all courses")
    courses: list[CourseRole]


class CourseChoice(BaseModel):
    """The course to work in."""

    model_config = ConfigDict(json_schema_extra={"example": {"course_id": 7}})

    course_id: int = Field(ge=1, lt=2**63)


class CourseLogin(Token):
    """A token that is bound to a course. `course_role` is null for an admin who is no member."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "access_token": "3mJ…",
                "token_type": "bearer",
                "course_id": 7,
                "course_role": "assistant",
            }
        }
    )

    course_id: int
    course_role: RoleOut | None


class PasswordChange(BaseModel):
    """The password that holds and the one that shall."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"old_password": "cuatro caballos azules", "new_password": "siete gatos verdes miran"}
        }
    )

    old_password: str = Field(max_length=_LONGEST)
    new_password: str = Field(max_length=_LONGEST)


class PasswordByLink(BaseModel):
    """The token of a one-time link and the password to be."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"token": "Jc3…", "password": "siete gatos verdes miran"}}
    )

    token: str = Field(max_length=_LONGEST)
    password: str = Field(max_length=_LONGEST)


class Forgotten(BaseModel):
    """Whose password is forgotten."""

    model_config = ConfigDict(json_schema_extra={"example": {"email": "ana.gomez@uniandes.edu.co"}})

    email: str = Field(max_length=_LONGEST)


@router.post("/login", responses=responses(401, 429))
async def login(ctx: ContextDep, request: Request, credentials: Credentials) -> Login:
    """Trade e-mail and password for a token."""

    def act() -> Login:
        email, password = credentials.email, credentials.password
        person = accounts.sign_in(ctx, email=email, password=password, address=_address(request))
        mine = courses.list_my_courses(ctx, person.actor)
        return Login(
            access_token=accounts.issue_api_token(ctx, person.id),
            role=strongest(courses.strongest_role(mine), is_admin=person.is_admin),
            courses=CourseRole.of(mine),
        )

    return await in_lane(act)


@router.post("/register", status_code=201, responses=responses(403, 409, 429))
async def register(ctx: ContextDep, request: Request, registration: Registration) -> Registered:
    """Ask for an account with an e-mail of an allowed domain.

    Where mail is sent, the link in it makes the account and sets its password. Elsewhere it is made at
    once, and has no role until its person has proven the mailbox by a one-time link.
    """
    asked = await in_lane(
        accounts.register,
        ctx,
        email=registration.email,
        password=registration.password,
        full_name=registration.full_name,
        address=_address(request),
    )
    return Registered(id=asked.id, email=asked.email, full_name=asked.full_name)


@router.post("/select_course", responses=responses(401, 403, 404))
def select_course(ctx: ContextDep, actor: ActorDep, choice: CourseChoice) -> CourseLogin:
    """Another token, bound to a course. Rights follow the course of each request all the same."""
    chosen = accounts.select_course(ctx, actor, choice.course_id)
    return CourseLogin(
        access_token=chosen.token,
        course_id=choice.course_id,
        course_role=None if chosen.role is None else role_out(chosen.role),
    )


@router.post("/logout", status_code=204, responses=responses(401))
def logout(ctx: ContextDep, actor: ActorDep, token: BearerDep) -> None:  # noqa: ARG001  only living tokens end
    """The token of this request is worth nothing from now on."""
    accounts.revoke_api_token(ctx, token)


@router.post("/change_password", status_code=204, responses=responses(401, 429))
async def change_password(ctx: ContextDep, actor: ActorDep, change: PasswordChange) -> None:
    """Set another password. Every session and token ends, this one too."""
    await in_lane(
        accounts.change_password,
        ctx,
        actor,
        old=change.old_password,
        new=change.new_password,
        keep_session=None,
    )


@router.post("/forgot_password", status_code=204, responses=responses(409, 429))
def forgot_password(ctx: ContextDep, request: Request, forgotten: Forgotten) -> None:
    """Have a one-time link mailed. The answer is the same whether there is such an account or not."""
    accounts.request_reset(ctx, email=forgotten.email, address=_address(request))


@router.post("/set_password", status_code=204, responses=responses(409))
async def set_password(ctx: ContextDep, wanted: PasswordByLink) -> None:
    """Set a password by the token of a one-time link, which is used up. Every session and token ends."""
    await in_lane(accounts.set_password, ctx, token=wanted.token, password=wanted.password)


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
