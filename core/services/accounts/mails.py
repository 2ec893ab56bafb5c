"""Mails that wait to be sent: recorded with what causes them, sent by the worker at least once.

A row says whom and what for. The link is made when the mail goes out, so that no backup of the
database holds one that works.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.db import notify
from core.errors import BadEmail, NoMail, TooManyAttempts
from core.models import OutgoingMail, Registration, User
from core.services.accounts.emails import clean_email
from core.services.accounts.letters import compose, compose_known
from core.services.accounts.links import LINK_LIVES, issue_link, issue_registration_link
from core.services.notices.letters import compose_result
from core.vocabulary import RESULT_MAIL, LinkPurpose

MAIL_TOPIC = "mails"

ALERT_MAIL = "alert"
"""Purpose of a mail about an incident; it carries no link."""

ALERT_LIVES = timedelta(days=1)
"""A notice that could not be sent until then is news no more."""

LINKS_PER_MAILBOX = 3
"""Mails of each kind with a link that one mailbox is sent within `MAIL_WINDOW`, over all requests."""

RESETS_PER_ADDRESS = 50
"""Resets that may be asked for within `MAIL_WINDOW` from one address."""

MAIL_WINDOW = timedelta(hours=1)

LEASE = timedelta(minutes=2)
"""Within this time a mail that was taken is sent or fails; else its sender is gone and another takes it."""

RESULT_LIVES = timedelta(days=1)
"""A mail about a result that could not be sent for so long says nothing new any more."""

_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(hours=1)
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to be handed to the mail server."""

    id: int
    recipient: str
    subject: str
    text: str


def queue_mails(
    session: Session,
    ctx: Context,
    recipients: Collection[str],
    purpose: LinkPurpose,
    *,
    course_name: str = "",
    asked_from: str = "",
    registration_id: int | None = None,
) -> set[str]:
    """Record mails in the caller's transaction; they go out after that has committed.

    A mailbox that has been sent enough of them lately is left out. Returns those that are not.
    """
    wanted = _not_flooded(session, ctx, recipients, purpose)
    now = ctx.now()
    session.add_all(
        OutgoingMail(
            recipient=recipient,
            purpose=purpose,
            course_name=course_name,
            asked_from=asked_from,
            registration_id=registration_id,
            created_at=now,
            next_try_at=now,
        )
        for recipient in recipients
        if recipient in wanted
    )
    notify(session, MAIL_TOPIC)
    return wanted


def _not_flooded(
    session: Session, ctx: Context, recipients: Collection[str], purpose: LinkPurpose
) -> set[str]:
    full = session.scalars(
        select(OutgoingMail.recipient)
        .where(
            OutgoingMail.recipient.in_(recipients),
            OutgoingMail.purpose == purpose,
            OutgoingMail.created_at > ctx.now() - MAIL_WINDOW,
        )
        .group_by(OutgoingMail.recipient)
        .having(func.count() >= LINKS_PER_MAILBOX)
    )
    return set(recipients) - set(full)


def queue_registration(session: Session, ctx: Context, registration: Registration) -> None:
    """Record the mail of a registration in the caller's transaction."""
    queue_mails(
        session,
        ctx,
        [registration.email],
        LinkPurpose.REGISTRATION,
        asked_from=registration.asked_from,
        registration_id=registration.id,
    )


def queue_notices(
    session: Session, ctx: Context, recipients: Iterable[str], texts: Mapping[str, tuple[str, str]]
) -> None:
    """Record mails without a link in the caller's transaction. `texts`: language → subject and text."""
    now = ctx.now()
    session.add_all(
        OutgoingMail(
            recipient=recipient,
            purpose=ALERT_MAIL,
            texts={language: list(parts) for language, parts in texts.items()},
            created_at=now,
            next_try_at=now,
        )
        for recipient in recipients
    )
    notify(session, MAIL_TOPIC)


def request_reset(ctx: Context, *, email: str, address: str) -> None:
    """Somebody who cannot sign in asks for a reset link to be sent to `email`.

    Whether there is such an account is not looked at here but when the mail is sent: answer and
    effort are the same, whoever is asked for.

    Raises:
        NoMail: the installation sends none.
        TooManyAttempts: too many were asked for from `address`.

    """
    if not ctx.settings.sends_mail:
        raise NoMail
    try:
        recipient = clean_email(email)
    except BadEmail:
        return
    with ctx.db.transaction() as session:
        if _asked(session, ctx, address or "unknown") >= RESETS_PER_ADDRESS:
            raise TooManyAttempts(minutes=int(MAIL_WINDOW.total_seconds() // 60))
        queue_mails(session, ctx, [recipient], LinkPurpose.RESET, asked_from=address or "unknown")


def _asked(session: Session, ctx: Context, address: str) -> int:
    query = select(func.count()).where(
        OutgoingMail.asked_from == address,
        OutgoingMail.purpose == LinkPurpose.RESET,
        OutgoingMail.created_at > ctx.now() - MAIL_WINDOW,
    )
    return session.scalar(query) or 0


def take_mail(ctx: Context) -> Letter | None:
    """The next mail to be sent, with a fresh link; None when there is none for now.

    It is held for `LEASE`. What has become pointless is put aside on the way.
    """
    while True:
        with ctx.db.transaction() as session:
            row = session.scalar(
                select(OutgoingMail)
                .where(
                    OutgoingMail.sent_at.is_(None),
                    OutgoingMail.given_up_at.is_(None),
                    OutgoingMail.next_try_at <= ctx.now(),
                )
                .order_by(OutgoingMail.next_try_at, OutgoingMail.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if row is None:
                return None
            user = session.scalar(select(User).where(User.email == row.recipient))
            pointless = _why_not(ctx, row, user)
            if pointless is None:
                return _prepare(session, ctx, row, user)
            row.given_up_at, row.last_error = ctx.now(), pointless


def _why_not(ctx: Context, row: OutgoingMail, user: User | None) -> str | None:
    if user is None and row.registration_id is None:
        return "no account with this address"
    if user is not None and (reason := _why_not_to(user, row)) is not None:
        return reason
    late = ctx.now() - row.created_at > _life_of(row)
    return f"too late; last problem: {row.last_error}" if late else None


def _why_not_to(user: User, row: OutgoingMail) -> str | None:
    if user.disabled_at is not None:
        return "the account is closed"
    if row.purpose == LinkPurpose.INVITATION and _is_ready(user):
        return "has set a password meanwhile"
    if row.purpose == RESULT_MAIL and not user.result_mail:
        return "does not want it any more"
    return None


def _life_of(row: OutgoingMail) -> timedelta:
    notices = {ALERT_MAIL: ALERT_LIVES, RESULT_MAIL: RESULT_LIVES}
    return notices.get(row.purpose) or LINK_LIVES[LinkPurpose(row.purpose)]


def _is_ready(user: User) -> bool:
    return user.password_hash is not None and user.confirmed_at is not None


def _prepare(session: Session, ctx: Context, row: OutgoingMail, user: User | None) -> Letter:
    row.tries += 1
    row.next_try_at = ctx.now() + LEASE
    if row.notice_id is not None and user is not None:
        return Letter(row.id, row.recipient, *compose_result(session, ctx, row.notice_id, user))
    language = (user and user.language) or ctx.settings.language
    if row.texts is not None:
        subject, text = row.texts[language]
        return Letter(row.id, row.recipient, " ".join(subject.split()), text)
    if user is not None and row.registration_id is not None and _is_ready(user):
        return Letter(row.id, row.recipient, *compose_known(language, url=ctx.settings.dashboard_url))
    name, url = "", ""
    if row.registration_id is not None:  # its name was typed by a stranger, perhaps
        url = issue_registration_link(session, ctx, row.registration_id).url
    elif user is not None:
        name, url = user.full_name, issue_link(session, ctx, user.id, LinkPurpose(row.purpose)).url
    subject, text = compose(LinkPurpose(row.purpose), language, name=name, course=row.course_name, url=url)
    return Letter(row.id, row.recipient, subject, text)


def mail_was_sent(ctx: Context, letter: Letter) -> None:
    """The mail server has taken it over."""
    with ctx.db.transaction() as session:
        session.execute(
            update(OutgoingMail)
            .where(OutgoingMail.id == letter.id)
            .values(sent_at=ctx.now(), last_error=None)
        )


def mail_failed(ctx: Context, letter: Letter, problem: str, *, for_good: bool) -> None:
    """It could not be handed over: try again after a pause that grows, or never when `for_good`."""
    with ctx.db.transaction() as session:
        row = session.get_one(OutgoingMail, letter.id)
        row.last_error = problem[:_LONGEST_ERROR]
        if for_good:
            row.given_up_at = ctx.now()
        row.next_try_at = ctx.now() + min(_FIRST_PAUSE * 2 ** min(row.tries - 1, 20), _LONGEST_PAUSE)
