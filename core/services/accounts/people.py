"""Accounts: making them, looking them up, and what people set for themselves."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import func, select, update
from sqlalchemy.sql import ColumnElement

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural
from core.errors import NotFound, NotSignedIn, TooLong, UnknownChoice
from core.models import User
from core.search import mentions

LANGUAGES = ("es", "en")

NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. `language` and `timezone` are None until they choose."""

    id: int
    email: str
    full_name: str
    is_admin: bool
    language: str | None
    timezone: str | None
    result_mail: bool = False
    """Whether a mail says when a result arrives."""
    is_confirmed: bool = True
    """Whether the mailbox is proven; without it no role holds, that of an admin included."""

    @property
    def actor(self) -> Actor:
        """On whose behalf their use cases run."""
        return Actor(user_id=self.id, is_admin=self.is_admin and self.is_confirmed)


def person_of(user: User) -> Person:
    """The row as others see it."""
    return Person(
        id=user.id,
        email=user.email,
        full_name=user.full_name,
        is_admin=user.is_admin,
        language=user.language,
        timezone=user.timezone,
        result_mail=user.result_mail,
        is_confirmed=user.confirmed_at is not None,
    )


def clean_name(text: str, field: str = "full_name") -> str:
    """`text` on one line in NFC, without what no name has.

    Raises:
        TooLong: more than `NAME_LIMIT` characters are left.

    """
    plain = unicodedata.normalize("NFC", text)
    name = " ".join("".join(char if char.isprintable() else " " for char in plain).split())
    if len(name) > NAME_LIMIT:
        raise TooLong(field=field, limit=NAME_LIMIT)
    return name


def ensure_person(
    ctx: Context, actor: Actor, *, email: str, full_name: str, password_hash: str, is_admin: bool = False
) -> int:
    """Return the id of the account with `email`, for seeds and commands; create it, confirmed, if needed.

    `password_hash` comes from `hash_password`; equal demo passwords may share it.

    Raises:
        NotAllowed: only the platform and admins.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        found = session.scalar(select(User.id).where(User.email == email.lower()))
        if found is not None:
            return found
        user = User(
            email=email.lower(),
            full_name=full_name,
            password_hash=password_hash,
            is_admin=is_admin,
            created_at=ctx.now(),
            confirmed_at=ctx.now(),
        )
        session.add(user)
        session.flush()
        return user.id


def get_person(ctx: Context, actor: Actor) -> Person:
    """The person behind `actor`.

    Raises:
        NotSignedIn: nobody, or an account that was closed.

    """
    with ctx.db.transaction() as session:
        user = session.scalar(select(User).where(User.id == actor.user_id, User.disabled_at.is_(None)))
        if user is None:
            raise NotSignedIn
        return person_of(user)


def set_language(ctx: Context, actor: Actor, language: str) -> None:
    """Keep the language that the person reads, one of `LANGUAGES`.

    Raises:
        UnknownChoice: none of them.

    """
    if language not in LANGUAGES:
        raise UnknownChoice(field="language", value=language)
    _set(ctx, actor, language=language)


def set_name(ctx: Context, actor: Actor, full_name: str) -> None:
    """Keep the name under which others see the person.

    Raises:
        TooLong: more than `NAME_LIMIT` characters.

    """
    name = clean_name(full_name)
    _set(ctx, actor, full_name=name, name_is_own=bool(name))


def set_timezone(ctx: Context, actor: Actor, timezone: str | None) -> None:
    """Keep the zone (IANA name) in which the person reads times; None: the course's.

    Raises:
        UnknownChoice: not a zone of the IANA database.

    """
    if timezone is not None and timezone not in available_timezones():
        raise UnknownChoice(field="timezone", value=timezone)
    _set(ctx, actor, timezone=timezone)


def set_result_mail(ctx: Context, actor: Actor, *, wanted: bool) -> None:
    """Keep whether the person wants a mail when the result of a submission of theirs arrives."""
    _set(ctx, actor, result_mail=wanted)


def _set(ctx: Context, actor: Actor, **values: str | bool | None) -> None:
    with ctx.db.transaction() as session:
        require(session, actor, Right.OWN_ACCOUNT)
        session.execute(update(User).where(User.id == actor.user_id).values(**values))


def list_people(
    ctx: Context, actor: Actor, *, search: str = "", limit: int | None = None, offset: int = 0
) -> list[tuple[Person, datetime]]:
    """Everybody and since when, by e-mail, for an admin.

    `search`: words that name, e-mail or student code contain, all of them; accents do not count.

    Raises:
        NotAllowed: the actor is none.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        query = select(User).where(*_found_by(search)).order_by(natural(User.email), User.id)
        users = session.scalars(query.limit(limit).offset(offset))
        return [(person_of(user), user.created_at) for user in users]


def _found_by(search: str) -> list[ColumnElement[bool]]:
    return mentions(search, User.email, User.full_name, User.student_code)


def count_people(ctx: Context, actor: Actor, *, search: str = "") -> int:
    """How many `list_people` has without a limit.

    Raises:
        NotAllowed: the actor is no admin.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        return session.scalar(select(func.count()).select_from(User).where(*_found_by(search))) or 0


def find_person_id(ctx: Context, email: str) -> int:
    """The id of an account, for commands and seeds.

    Raises:
        NotFound: there is none.

    """
    with ctx.db.transaction() as session:
        found = session.scalar(select(User.id).where(User.email == email.lower()))
        if found is None:
            raise NotFound(what="person")
        return found
