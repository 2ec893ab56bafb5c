"""Setting a password: by somebody who knows the old one, or who holds a one-time link."""

from __future__ import annotations

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.models import ApiToken, OneTimeLink, SignInFailure, User, WebSession
from core.services.accounts.hashing import check_new_password, check_password, hash_password
from core.services.accounts.links import find_link, spend_link
from core.services.accounts.people import Person, get_person, person_of
from core.services.accounts.sessions import end_where
from core.services.accounts.sign_in import check_own_password

__all__ = ["change_password", "check_password", "hash_password", "set_password"]


def change_password(ctx: Context, actor: Actor, *, old: str, new: str, keep_session: int | None) -> None:
    """Set another password; every session but `keep_session` ends, and every API token.

    The old one is checked as at sign-in: an open browser is no way to guess it without limit.

    Raises:
        NotSignedIn: nobody is asking.
        WrongCredentials, SlowDown: `old` is not the password, or was wrong too often.
        WeakPassword: `new` will not do.

    """
    person = get_person(ctx, actor)
    check_new_password(new, person.email, person.full_name)
    check_own_password(ctx, person, old)
    hashed = hash_password(new)
    with ctx.db.transaction() as session:
        _replace(session, ctx, person.id, hashed, keep_session)


def set_password(ctx: Context, *, token: str, password: str) -> Person:
    """Set a password by a one-time link, which is spent by it and proves the mailbox.

    Every session and API token ends.

    Raises:
        LinkExpired: unknown, spent, too old, or for the first password of a person who has one.
        WeakPassword: the link is still good.

    """
    link = find_link(ctx, token)
    check_new_password(password, link.email, link.full_name)
    hashed = hash_password(password)
    with ctx.db.transaction() as session:
        user = spend_link(session, ctx, token)
        user.confirmed_at = user.confirmed_at or ctx.now()
        session.flush()
        _replace(session, ctx, user.id, hashed, keep_session=None)
        session.execute(delete(SignInFailure).where(SignInFailure.email == user.email))
        return person_of(user)


def _replace(session: Session, ctx: Context, user_id: int, hashed: str, keep_session: int | None) -> None:
    """Keep the new hash; whatever the old password has opened ends, links still on their way too."""
    now = ctx.now()
    session.execute(update(User).where(User.id == user_id).values(password_hash=hashed))
    session.execute(
        update(ApiToken)
        .where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.user_id == user_id, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )
    end_where(session, ctx, WebSession.user_id == user_id, WebSession.id.is_distinct_from(keep_session))
