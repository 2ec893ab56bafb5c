"""Asking for an account of one's own. By itself it gives nothing: the mailbox must be proven."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from core.context import Context
from core.errors import AccountExists, NoMail, RegistrationClosed, TooManyAttempts
from core.models import Registration, User
from core.services.accounts.emails import check_domain, clean_email
from core.services.accounts.hashing import check_new_password, hash_password
from core.services.accounts.mails import MAIL_WINDOW, queue_registration
from core.services.accounts.people import Person, clean_name, person_of

REGISTRATIONS_PER_ADDRESS = 300
"""Within `MAIL_WINDOW`: a lecture hall that registers in the same hour shares an address."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration. `person` is None where a mail goes out whose link makes the account.

    `id` is the account's then, else the registration's.
    """

    id: int
    email: str
    full_name: str
    person: Person | None


def register(
    ctx: Context, *, email: str, password: str, full_name: str = "", address: str = ""
) -> Registered:
    """Ask for an account with an e-mail of an allowed domain.

    Where mail is sent, the account is made by the link in it, with the password that is chosen there:
    nothing that a stranger chose is kept, and the answer is the same whether the address has an account.
    Elsewhere the account is made at once where settings allow it, and counts as unconfirmed.

    Raises:
        RegistrationClosed: no mail is sent, and settings do not allow it without.
        BadEmail, EmailNotAllowed: not an address, or not one of ours.
        TooLong: the name.
        WeakPassword: too short, too long or too easy to guess.
        TooManyAttempts: too many were asked for from `address`.
        AccountExists: without mail: the address has an account.

    """
    if ctx.settings.sends_mail:
        check_new_password(password, clean_email(email), full_name)
        return request_account(ctx, email=email, full_name=full_name, address=address)
    if not ctx.settings.registers_without_mail:
        raise RegistrationClosed
    email, full_name = _clean(ctx, email, full_name)
    check_new_password(password, email, full_name)
    _record(ctx, email, full_name, address)
    person = _make_account(ctx, email, full_name, hash_password(password))
    return Registered(person.id, email, full_name, person)


def request_account(ctx: Context, *, email: str, full_name: str, address: str) -> Registered:
    """Have a mail sent whose link makes an account.

    Raises:
        NoMail: the installation sends none.
        BadEmail, EmailNotAllowed, TooLong, TooManyAttempts: as for `register`.

    """
    if not ctx.settings.sends_mail:
        raise NoMail
    email, full_name = _clean(ctx, email, full_name)
    return Registered(_record(ctx, email, full_name, address), email, full_name, None)


def _clean(ctx: Context, email: str, full_name: str) -> tuple[str, str]:
    email = clean_email(email)
    check_domain(ctx, email)
    return email, clean_name(full_name)


def _record(ctx: Context, email: str, full_name: str, address: str) -> int:
    """Count the registration, and have its mail sent where mail is sent."""
    address = address or "unknown"
    with ctx.db.transaction() as session:
        since = ctx.now() - MAIL_WINDOW
        recent = (Registration.asked_from == address, Registration.created_at > since)
        if (session.scalar(select(func.count()).where(*recent)) or 0) >= REGISTRATIONS_PER_ADDRESS:
            raise TooManyAttempts(minutes=int(MAIL_WINDOW.total_seconds() // 60))
        row = Registration(email=email, full_name=full_name, asked_from=address, created_at=ctx.now())
        session.add(row)
        session.flush()
        if ctx.settings.sends_mail:
            queue_registration(session, ctx, row)
        return row.id


def _make_account(ctx: Context, email: str, full_name: str, hashed: str) -> Person:
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
