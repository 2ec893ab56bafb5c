"""Registering and signing in over HTTP (contract, section 1)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.deps import ContextDep
from core.services import accounts, courses

router = APIRouter(prefix="/auth", tags=["accounts"])

_OLD_WORDS = {"monitor": "assistant"}
"""The web UI knows the monitor by this word only."""


class Credentials(BaseModel):
    """What a person signs in with."""

    email: str
    password: str


class Registration(Credentials):
    """What a person registers with."""

    full_name: str = ""


class CourseRole(BaseModel):
    """A course and one's role in it."""

    course_id: int
    course_name: str
    course_role: str


class Login(BaseModel):
    """A bearer token of 8 hours, and where it is good for."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105  the word of RFC 6750
    courses: list[CourseRole]


class Registered(BaseModel):
    """The new account."""

    id: int
    email: str
    full_name: str


@router.post("/login")
def login(ctx: ContextDep, request: Request, credentials: Credentials) -> Login:
    """Trade e-mail and password for a token."""
    address = request.client.host if request.client else "unknown"
    person = accounts.sign_in(ctx, email=credentials.email, password=credentials.password, address=address)
    mine = courses.list_my_courses(ctx, person.actor)
    return Login(
        access_token=accounts.issue_api_token(ctx, person.id),
        courses=[
            CourseRole(
                course_id=course.id,
                course_name=course.name,
                course_role=_OLD_WORDS.get(course.role.value, course.role.value),
            )
            for course in mine
            if course.role is not None
        ],
    )


@router.post("/register", status_code=201)
def register(ctx: ContextDep, registration: Registration) -> Registered:
    """Open an account for an e-mail of an allowed domain."""
    person = accounts.register(
        ctx,
        email=registration.email,
        password=registration.password,
        full_name=registration.full_name,
    )
    return Registered(id=person.id, email=person.email, full_name=person.full_name)
