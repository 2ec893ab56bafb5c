"""The loop that sends the mails that wait. A crash loses none; one that was under way may go out twice."""

from __future__ import annotations

import logging
import threading

from core.context import Context
from core.errors import MailRefused, MailUnavailable, Unavailable
from core.mail import Line, Mailer
from core.services.accounts import MAIL_TOPIC, Letter, mail_failed, mail_was_sent, take_mail
from core.wake import Waker

FALLBACK_SECONDS = 15.0
"""Longest pause between two looks at the rows: those put off give no notification."""

logger = logging.getLogger(__name__)


def start_thread(ctx: Context, mailer: Mailer, waker: Waker) -> threading.Thread:
    """The loop, in a thread of its own."""
    thread = threading.Thread(target=run_mails, args=(ctx, mailer, waker), name="mails")
    thread.start()
    return thread


def run_mails(ctx: Context, mailer: Mailer, waker: Waker) -> None:
    """Send what waits until `waker` stops. Several processes may do it."""
    while not waker.stopping:
        try:
            send_waiting(ctx, mailer)
        except Unavailable as error:
            logger.warning("mails pause: %s", error)
        waker.wait(MAIL_TOPIC, FALLBACK_SECONDS)


def send_waiting(ctx: Context, mailer: Mailer) -> int:
    """Send the mails that are due over one connection; how many went out.

    Raises:
        MailUnavailable: the server does not answer; what was taken is put off.

    """
    letter = take_mail(ctx)
    if letter is None:
        return 0
    sent = 0
    try:
        with mailer.connected() as line:
            while letter is not None:
                sent += _send(ctx, line, letter)
                letter = take_mail(ctx)
    except MailUnavailable as error:
        if letter is not None:
            mail_failed(ctx, letter, str(error.values["problem"]), for_good=False)
        raise
    return sent


def _send(ctx: Context, line: Line, letter: Letter) -> bool:
    try:
        line.send(letter.recipient, letter.subject, letter.text)
    except MailRefused as error:
        logger.warning("mail %d was refused: %s", letter.id, error.values["problem"])
        mail_failed(ctx, letter, str(error.values["problem"]), for_good=bool(error.values["for_good"]))
        return False
    mail_was_sent(ctx, letter)
    return True
