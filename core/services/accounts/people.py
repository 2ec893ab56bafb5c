"""Accounts: making them, looking them up, and what people set for themselves."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import ColumnElement

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural
from core.errors import AccountExists, LastAdmin, NotFound, NotSignedIn, TooLong, UnknownChoice
from core.models import User
from core.services.accounts.emails import check_domain, clean_email
from core.services.accounts.hashing import check_new_password, hash_password

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

    @property
    def actor(self) -> Actor:
        """On whose behalf their use cases run."""
        return Actor(user_id=self.id, is_admin=self.is_admin)


def person_of(user: User) -> Person:
    """The row as others see it."""
    return Person(
        user.id, user.email, user.full_name, user.is_admin, user.language, user.timezone, user.result_mail
    )


def register(ctx: Context, *, email: str, password: str, full_name: str = "") -> Person:
    """A new account for an e-mail of an allowed domain.

    Raises:
        BadEmail, EmailNotAllowed: not an address, or not one of ours.
        TooLong: the name.
        WeakPassword: too short, too long or too easy to guess.
        AccountExists: the address has an account.

    """
    email = clean_email(email)
    check_domain(ctx, email)
    full_name = clean_name(full_name)
    check_new_password(password, email, full_name)
    hashed = hash_password(password)
    with ctx.db.transaction() as session:
        user = session.scalar(
            insert(User)
            .values(
                email=email,
                full_name=full_name,
                name_is_own=bool(full_name),
                password_hash=hashed,
                created_at=ctx.now(),
            )
            .on_conflict_do_nothing()
            .returning(User)
        )
        if user is None:
            raise AccountExists(name=email)
        return person_of(user)


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
    """The id of the account with `email`, made if there is none. For seeds and commands.

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

    `search`: words that name or e-mail must have, all of them.

    Raises:
        NotAllowed: the actor is none.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        query = select(User).where(*_has(search)).order_by(natural(User.email), User.id)
        users = session.scalars(query.limit(limit).offset(offset))
        return [(person_of(user), user.created_at) for user in users]


def count_people(ctx: Context, actor: Actor, *, search: str = "") -> int:
    """How many `list_people` has without a limit.

    Raises:
        NotAllowed: the actor is no admin.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        return session.scalar(select(func.count()).select_from(User).where(*_has(search))) or 0


def _has(search: str) -> list[ColumnElement[bool]]:
    words = search.replace("\0", "").split()
    return [
        or_(User.email.icontains(word, autoescape=True), User.full_name.icontains(word, autoescape=True))
        for word in words
    ]


def set_admin(ctx: Context, actor: Actor, person_id: int, *, is_admin: bool) -> None:
    """Let a person administer the platform, or no longer.

    Raises:
        NotAllowed: the actor is no admin.
        NotFound: no such account, or it is closed.
        LastAdmin: nobody would be left.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        which = or_(User.id == person_id, User.is_admin)  # all admins, so that two cannot unmake each other
        found = session.scalars(
            select(User).where(which, User.disabled_at.is_(None)).order_by(User.id).with_for_update()
        ).all()
        user = next((user for user in found if user.id == person_id), None)
        if user is None:
            raise NotFound(what="person")
        if not is_admin and not any(other.is_admin for other in found if other.id != person_id):
            raise LastAdmin
        user.is_admin = is_admin


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
