"""Check a password, and slow guesses down without locking anybody out.

Failures are counted by account and client. After a few of them each further attempt of that client for
that account has to wait, twice as long each time, a minute at most. So neither a stranger nor a person
behind the same address can keep the owner from signing in elsewhere, or in a browser that is known.
Many failures of an account or of an address in total leave unknown clients one failure before the wait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.errors import SlowDown, WrongCredentials
from core.models import SignInFailure, User
from core.services.accounts.devices import find_device
from core.services.accounts.hashing import Match, hash_password, match_password, nobodys_hash
from core.services.accounts.people import Person, person_of

FREE_FAILURES = 5
"""Failures of a client for an account before it has to wait."""

FREE_FAILURES_UNDER_ATTACK = 1
FAILURES_PER_ACCOUNT = 50
FAILURES_PER_ADDRESS = 100
"""Failures of unknown clients within `WINDOW` from which on the account or the address is under attack."""

WINDOW = timedelta(hours=1)
"""How long a failure counts."""

LONGEST_WAIT = timedelta(minutes=1)

_LONGEST_EMAIL = 320
_DEVICE = "device "
_OWN_SESSION = "device of the session"
_LONGEST_CHECK = timedelta(seconds=30)
"""After this time an attempt under way counts as failed: the process that checked it is gone."""

_LOOK_SECONDS = 0.05
_PATIENCE = 600
"""Looks at the attempts under way of a client before a further one is refused: half a minute."""


@dataclass(frozen=True, slots=True)
class _Failures:
    """What is known about earlier attempts within `WINDOW`."""

    failed: int
    under_way: int
    last_at: datetime | None
    of_account: int
    of_address: int

    @property
    def free(self) -> int:
        """How many failures need no wait."""
        attacked = self.of_account >= FAILURES_PER_ACCOUNT or self.of_address >= FAILURES_PER_ADDRESS
        return FREE_FAILURES_UNDER_ATTACK if attacked else FREE_FAILURES

    @property
    def wait(self) -> timedelta:
        """How long after the last failure the next attempt may come."""
        if self.failed < self.free:
            return timedelta()
        return min(timedelta(seconds=2 ** min(self.failed - self.free, 10)), LONGEST_WAIT)


def sign_in(ctx: Context, *, email: str, password: str, address: str, device: str = "") -> Person:
    """Return the person to whom `email` and `password` belong.

    `address` is where the request came from, `device` the cookie of a known device. Unknown people cost
    the same work as known ones.

    Raises:
        SlowDown: the client has failed too often and must wait.
        WrongCredentials: they do not belong together.

    """
    email = email.replace("\0", "").strip().lower()[:_LONGEST_EMAIL]
    with ctx.db.transaction() as session:
        user = session.scalar(select(User).where(User.email == email, User.disabled_at.is_(None)))
    known = find_device(ctx, device, 0 if user is None else user.id)
    client = f"{_DEVICE}{known}" if known else address or "unknown"
    return _check(ctx, email, user, password, client)


def check_own_password(ctx: Context, person: Person, password: str) -> None:
    """Check the password of a person who is signed in; their session counts as a client of its own.

    Raises:
        SlowDown, WrongCredentials: as for `sign_in`.

    """
    with ctx.db.transaction() as session:
        user = session.get_one(User, person.id)
    _check(ctx, person.email, user, password, _OWN_SESSION)


def _check(ctx: Context, email: str, user: User | None, password: str, client: str) -> Person:
    attempt_id = _count_attempt(ctx, email, client)
    match = match_password(password, (user and user.password_hash) or nobodys_hash())
    renewed = hash_password(password) if match is Match.OLD_FORM else None
    with ctx.db.transaction() as session:
        if user is None or user.password_hash is None or match is Match.NONE:
            failed = update(SignInFailure).where(SignInFailure.id == attempt_id).values(under_way=False)
            session.execute(failed)
        else:
            own = and_(SignInFailure.email == email, SignInFailure.address == client)
            over = or_(SignInFailure.under_way.is_(False), SignInFailure.id == attempt_id)
            session.execute(delete(SignInFailure).where(own, over))
            if renewed is not None:  # unless the password was changed meanwhile
                same = (User.id == user.id, User.password_hash == user.password_hash)
                session.execute(update(User).where(*same).values(password_hash=renewed))
            return person_of(user)
    raise WrongCredentials


def _count_attempt(ctx: Context, email: str, client: str) -> int:
    """Count the attempt before its password is checked; return the id of its row.

    A thousand guesses at once get no further than a few in a row, while right passwords that come
    at once wait for one another instead of being refused.
    """
    for _ in range(_PATIENCE):
        with ctx.db.transaction() as session:
            session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"sign-in:{email}", 0))))
            earlier = _read_failures(session, ctx, email, client)
            left = (earlier.last_at or ctx.now()) + earlier.wait - ctx.now()
            if earlier.wait and left > timedelta():
                raise SlowDown(seconds=ceil(left.total_seconds()))
            if not earlier.under_way or earlier.failed + earlier.under_way < earlier.free:
                attempt = SignInFailure(email=email, address=client, at=ctx.now(), under_way=True)
                session.add(attempt)
                session.flush()
                return attempt.id
        time.sleep(_LOOK_SECONDS)
    raise SlowDown(seconds=int(_LONGEST_CHECK.total_seconds()))


def _read_failures(session: Session, ctx: Context, email: str, client: str) -> _Failures:
    is_own = and_(SignInFailure.email == email, SignInFailure.address == client)
    under_way = and_(SignInFailure.under_way, SignInFailure.at >= ctx.now() - _LONGEST_CHECK)
    from_unknown = SignInFailure.address.not_like(f"{_DEVICE}%")
    count, recent = func.count(), SignInFailure.at > ctx.now() - WINDOW
    failed, waiting, last_at, of_account = session.execute(
        select(
            count.filter(is_own, ~under_way),
            count.filter(is_own, under_way),
            func.max(SignInFailure.at).filter(is_own, ~under_way),
            count.filter(from_unknown, ~under_way),
        ).where(SignInFailure.email == email, recent)
    ).one()
    if client.startswith(_DEVICE):
        return _Failures(failed, waiting, last_at, 0, 0)
    of_address = session.scalar(select(count).where(SignInFailure.address == client, ~under_way, recent))
    return _Failures(failed, waiting, last_at, of_account, of_address or 0)
