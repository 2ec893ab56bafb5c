"""What tests of one-time links and of the mails that carry them share."""

from __future__ import annotations

from dataclasses import replace

from pydantic import SecretStr

from core.context import PLATFORM, Actor, Context
from core.errors import (
    WrongCredentials,
)
from core.mail import Mailer, open_mailer
from core.services import accounts, courses
from core.vocabulary import Role
from tests import builders
from tests.smtp_server import MailServer

PASSWORD = "correct horse battery"
NEW = "another good phrase"
EMAIL = "new@uniandes.edu.co"


def over(ctx: Context, server: MailServer) -> Context:
    """The context of an installation that sends mail through `server`."""
    url = SecretStr(f"smtp://127.0.0.1:{server.port}")
    changed = {"smtp_url": url, "public_url": "https://ulos.example.org"}
    return replace(ctx, settings=ctx.settings.model_copy(update=changed))


def mailer(ctx: Context) -> Mailer:
    made = open_mailer(ctx.settings)
    assert made is not None
    return made


def add(ctx: Context, world: builders.World, email: str = EMAIL, role: Role = Role.STUDENT) -> Actor:
    added = courses.add_member(ctx, world.professor, world.course_id, email=email, role=role)
    return Actor(user_id=added.member.id)


def account(ctx: Context, email: str, password: str) -> Actor:
    """A person whose mailbox is proven."""
    hashed = accounts.hash_password(password)
    return Actor(accounts.ensure_person(ctx, PLATFORM, email=email, full_name="", password_hash=hashed))


def can_sign_in(ctx: Context, email: str, password: str) -> bool:
    try:
        accounts.sign_in(ctx, email=email, password=password, address="")
    except WrongCredentials:
        return False
    return True
