"""Checking a password, with limits that hold against many attempts at once."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core.context import Context
from core.errors import TooManyAttempts, WrongCredentials
from core.models import SignInFailure, User
from core.services.accounts.hashing import check_password, nobodys_hash
from core.services.accounts.people import Person, person_of

FAILURES_PER_ACCOUNT = 5
FAILURES_PER_ADDRESS = 50
"""Failed sign-ins within `LOCK` that lock; successful ones never count: a lecture hall shares an address."""

LOCK = timedelta(minutes=15)

_LONGEST_EMAIL = 320
_UNDER_WAY = ""
"""Address of an attempt that is still being checked: it may yet succeed, and then it does not count."""

_LONGEST_CHECK = timedelta(seconds=30)
"""After this time an attempt under way counts as failed: whoever checked it is gone."""

_LOOK_SECONDS = 0.05
_PATIENCE = 600
"""Looks at the attempts under way of an account before a further one is refused: half a minute."""


def sign_in(ctx: Context, *, email: str, password: str, address: str) -> Person:
    """The person to whom `email` and `password` belong.

    `address` is where the request came from. Unknown people cost the same hashing as known ones.

    Raises:
        TooManyAttempts: the account or the address is locked for a while.
        WrongCredentials: they do not belong together.

    """
    email = email.replace("\0", "").strip().lower()[:_LONGEST_EMAIL]
    address = address or "unknown"
    attempt_id = _begin(ctx, email, address)
    with ctx.db.transaction() as session:
        user = session.scalar(select(User).where(User.email == email, User.disabled_at.is_(None)))
    known = user.password_hash if user is not None else None
    matches = check_password(password, known or nobodys_hash())
    with ctx.db.transaction() as session:
        if user is not None and known is not None and matches:
            session.execute(delete(SignInFailure).where(SignInFailure.email == email))
            return person_of(user)
        session.execute(update(SignInFailure).where(SignInFailure.id == attempt_id).values(address=address))
    raise WrongCredentials


def _begin(ctx: Context, email: str, address: str) -> int:
    """Count the attempt before its password is checked; the id of its row.

    A thousand guesses at once get no further than five in a row, while right passwords that come
    at once wait for one another's place instead of being refused.
    """
    for _ in range(_PATIENCE):
        with ctx.db.transaction() as session:
            session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"sign-in:{email}", 0))))
            _check_locks(session, ctx, email, address)
            if _count(session, ctx, SignInFailure.email == email) < FAILURES_PER_ACCOUNT:
                attempt = SignInFailure(email=email, address=_UNDER_WAY, at=ctx.now())
                session.add(attempt)
                session.flush()
                return attempt.id
        time.sleep(_LOOK_SECONDS)
    raise TooManyAttempts(minutes=1)


def _check_locks(session: Session, ctx: Context, email: str, address: str) -> None:
    limits = (
        (SignInFailure.email == email, FAILURES_PER_ACCOUNT),
        (SignInFailure.address == address, FAILURES_PER_ADDRESS),
    )
    has_failed = or_(SignInFailure.address != _UNDER_WAY, SignInFailure.at < ctx.now() - _LONGEST_CHECK)
    for condition, limit in limits:
        failed_at = _nth_last_failure(session, ctx, condition & has_failed, limit)
        if failed_at is not None:
            left = failed_at + LOCK - ctx.now()
            raise TooManyAttempts(minutes=max(1, ceil(left / timedelta(minutes=1))))


def _count(session: Session, ctx: Context, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).where(condition, SignInFailure.at > ctx.now() - LOCK)
    return session.scalar(query) or 0


def _nth_last_failure(
    session: Session, ctx: Context, condition: ColumnElement[bool], n: int
) -> datetime | None:
    """When the `n`th last failure within the lock's time was: it is the first to be forgotten."""
    return session.scalar(
        select(SignInFailure.at)
        .where(SignInFailure.at > ctx.now() - LOCK, condition)
        .order_by(SignInFailure.at.desc())
        .offset(n - 1)
        .limit(1)
    )
