"""Changing a password."""

from __future__ import annotations

from sqlalchemy import update

from core.context import Actor, Context
from core.models import ApiToken, User, WebSession
from core.services.accounts.hashing import check_new_password, check_password, hash_password
from core.services.accounts.people import get_person
from core.services.accounts.sessions import end_where
from core.services.accounts.sign_in import sign_in

__all__ = ["change_password", "check_password", "hash_password"]


def change_password(
    ctx: Context, actor: Actor, *, old: str, new: str, keep_session: int | None, address: str = ""
) -> None:
    """Set another password; every session but `keep_session` ends, and every API token.

    The old one is checked as at sign-in, with the same limits: an open browser that somebody
    found is no way around them.

    Raises:
        NotSignedIn: nobody is asking.
        WrongCredentials, TooManyAttempts: `old` is not the password.
        WeakPassword: `new` will not do.

    """
    person = get_person(ctx, actor)
    check_new_password(new, person.email)
    sign_in(ctx, email=person.email, password=old, address=address)
    hashed = hash_password(new)
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == person.id).values(password_hash=hashed))
        session.execute(
            update(ApiToken)
            .where(ApiToken.user_id == person.id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=ctx.now())
        )
        others = (WebSession.user_id == person.id, WebSession.id.is_distinct_from(keep_session))
        end_where(session, ctx, *others)
