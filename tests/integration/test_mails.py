"""Mails about accounts, through a real mail server: each once, in time, to the right person."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select, text, update

from core.config import Settings
from core.context import Context
from core.errors import (
    LinkExpired,
    MailUnavailable,
    NoMail,
    TooManyAttempts,
)
from core.mail import open_mailer
from core.mailing import run_mails, send_waiting
from core.models import OutgoingMail, User
from core.services import accounts
from core.wake import Waker
from tests import builders
from tests.account_mails import EMAIL, NEW, PASSWORD, account, add, can_sign_in, mailer, over
from tests.conftest import Clock
from tests.smtp_server import MailServer, mail_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path) as made:
        yield made


@pytest.fixture
def mailing(ctx: Context, server: MailServer) -> Context:
    return over(ctx, server)


def state(ctx: Context) -> list[tuple[str, str | None]]:
    """What became of each mail, with its last problem."""
    with ctx.db.transaction() as session:
        rows = session.scalars(select(OutgoingMail).order_by(OutgoingMail.id))
        return [
            ("sent" if row.sent_at else "given up" if row.given_up_at else "waits", row.last_error)
            for row in rows
        ]


def test_an_invitation_is_mailed_and_sets_the_first_password_once(
    mailing: Context, server: MailServer
) -> None:
    add(mailing, builders.world(mailing))

    assert send_waiting(mailing, mailer(mailing)) == 1
    (token,) = server.links()
    person = accounts.set_password(mailing, token=token, password=PASSWORD)

    assert person.email == EMAIL
    assert server.recipients() == [EMAIL]
    assert can_sign_in(mailing, EMAIL, PASSWORD)
    with pytest.raises(LinkExpired):
        accounts.set_password(mailing, token=token, password=NEW)


def test_a_mail_speaks_the_readers_language_and_holds_a_link_but_no_password(
    mailing: Context, server: MailServer
) -> None:
    world = builders.world(mailing)
    add(mailing, world)
    add(mailing, world, "reader@uniandes.edu.co")
    with mailing.db.transaction() as session:
        session.execute(
            update(User)
            .where(User.email == "reader@uniandes.edu.co")
            .values(language="en", full_name="Ana\nGómez")
        )

    send_waiting(mailing, mailer(mailing))

    spanish, english = (mail.get_content() for mail in server.mails)
    assert "Define tu contraseña" in spanish
    assert "Hello Ana Gómez," in english
    assert "https://ulos.example.org/link#token=" in spanish
    assert [str(mail["Subject"]) for mail in server.mails] == [
        "ULOS: tu cuenta para Robotics",
        "ULOS: your account for Robotics",
    ]
    assert str(server.mails[0]["From"]) == "no-reply@ulos.example.org"


def test_the_name_of_a_course_cannot_add_headers_to_a_mail(mailing: Context, server: MailServer) -> None:
    world = builders.world(mailing)
    with mailing.db.transaction() as session:
        session.execute(text("UPDATE course SET course_name = E'Robots\\r\\nBcc: eve@example.org {url}'"))
    add(mailing, world)

    send_waiting(mailing, mailer(mailing))

    assert server.mails[0]["Bcc"] is None
    assert server.mails[0]["Subject"] == "ULOS: tu cuenta para Robots Bcc: eve@example.org {url}"


def test_a_reset_is_mailed_to_who_has_an_account_and_to_nobody_else(
    mailing: Context, server: MailServer
) -> None:
    account(mailing, EMAIL, PASSWORD)
    for email in (f" {EMAIL.upper()}", "nobody@uniandes.edu.co", "no address"):
        accounts.request_reset(mailing, email=email, address="10.0.0.1")

    send_waiting(mailing, mailer(mailing))
    accounts.set_password(mailing, token=server.links()[0], password=NEW)

    assert server.recipients() == [EMAIL]
    assert state(mailing) == [("sent", None), ("given up", "no account with this address")]
    assert (can_sign_in(mailing, EMAIL, PASSWORD), can_sign_in(mailing, EMAIL, NEW)) == (False, True)


def test_asking_for_a_reset_does_the_same_work_for_known_and_unknown_people(mailing: Context) -> None:
    account(mailing, EMAIL, PASSWORD)
    work = []
    for email in (EMAIL, "nobody@uniandes.edu.co"):
        with builders.statements(mailing) as made:
            accounts.request_reset(mailing, email=email, address="10.0.0.1")
        work.append(made)

    assert work[0] == work[1]
    assert work[0], "there is something to compare"


def test_nobodys_mailbox_is_flooded_with_resets(mailing: Context, server: MailServer, clock: Clock) -> None:
    account(mailing, EMAIL, PASSWORD)
    for number in range(6):
        accounts.request_reset(mailing, email=EMAIL, address=f"10.0.0.{number}")
    send_waiting(mailing, mailer(mailing))
    clock.advance(minutes=61)
    accounts.request_reset(mailing, email=EMAIL, address="10.0.0.1")
    send_waiting(mailing, mailer(mailing))

    assert len(server.mails) == 3 + 1


def test_one_address_cannot_ask_for_resets_of_everybody(mailing: Context) -> None:
    for number in range(50):
        accounts.request_reset(mailing, email=f"u{number}@uniandes.edu.co", address="10.0.0.1")

    with pytest.raises(TooManyAttempts):
        accounts.request_reset(mailing, email=EMAIL, address="10.0.0.1")
    accounts.request_reset(mailing, email=EMAIL, address="10.0.0.2")


def test_a_mail_server_that_is_gone_delays_mails_and_loses_none(
    mailing: Context, server: MailServer, clock: Clock
) -> None:
    add(mailing, builders.world(mailing))
    server.stop()

    with pytest.raises(MailUnavailable):
        send_waiting(mailing, mailer(mailing))
    put_off = send_waiting(mailing, mailer(mailing))
    ((waits, problem),) = state(mailing)
    server.start()
    clock.advance(seconds=16)
    sent = send_waiting(mailing, mailer(mailing))

    assert (put_off, waits, sent) == (0, "waits", 1)
    assert "refused" in (problem or "")
    assert server.recipients() == [EMAIL]


def test_a_sender_that_dies_in_the_middle_is_taken_over(
    mailing: Context, server: MailServer, clock: Clock
) -> None:
    add(mailing, builders.world(mailing))

    assert accounts.take_mail(mailing) is not None, "and nothing more: its process is gone"
    assert send_waiting(mailing, mailer(mailing)) == 0, "it may still be at work"
    clock.advance(minutes=2, seconds=1)

    assert send_waiting(mailing, mailer(mailing)) == 1
    accounts.set_password(mailing, token=server.links()[0], password=PASSWORD)


def test_two_senders_never_take_the_same_mail(mailing: Context) -> None:
    world = builders.world(mailing)
    for number in range(10):
        add(mailing, world, f"u{number}@uniandes.edu.co")

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: accounts.take_mail(mailing), range(16)))

    letters = [letter.id for letter in taken if letter is not None]
    assert len(letters) == len(set(letters)) == 10


def test_an_address_that_is_refused_stops_no_other_mail_and_is_tried_again_only_if_that_may_help(
    mailing: Context, server: MailServer, clock: Clock
) -> None:
    world = builders.world(mailing)
    for name in ("gone", "busy", "fine"):
        add(mailing, world, f"{name}@uniandes.edu.co")
    server.answers = {
        "gone@uniandes.edu.co": "550 no such mailbox",
        "busy@uniandes.edu.co": "451 try again later",
    }

    send_waiting(mailing, mailer(mailing))
    first = [what for what, _ in state(mailing)]
    server.answers = {}
    clock.advance(minutes=1)
    send_waiting(mailing, mailer(mailing))

    assert first == ["given up", "waits", "sent"]
    assert server.recipients() == ["fine@uniandes.edu.co", "busy@uniandes.edu.co"]
    assert "550" in (state(mailing)[0][1] or "")


def test_many_mails_go_over_one_connection(mailing: Context, server: MailServer) -> None:
    world = builders.world(mailing)
    for number in range(5):
        add(mailing, world, f"u{number}@uniandes.edu.co")

    assert send_waiting(mailing, mailer(mailing)) == 5
    assert server.connections == 1


def test_a_reset_that_could_not_be_sent_within_its_hour_is_dropped(
    mailing: Context, server: MailServer, clock: Clock
) -> None:
    account(mailing, EMAIL, PASSWORD)
    accounts.request_reset(mailing, email=EMAIL, address="")
    clock.advance(minutes=61)

    assert send_waiting(mailing, mailer(mailing)) == 0
    assert state(mailing)[0][0] == "given up"


def test_the_loop_sends_what_is_queued_while_it_runs(mailing: Context, server: MailServer) -> None:
    world = builders.world(mailing)
    waker = Waker(mailing.db)
    waker.start()
    with ThreadPoolExecutor(1) as pool:
        loop = pool.submit(run_mails, mailing, mailer(mailing), waker)
        try:
            add(mailing, world)
            builders.wait_until(lambda: server.recipients() == [EMAIL])
        finally:
            waker.stop()
        loop.result()


def test_mail_goes_over_tls_with_the_password_of_the_setting(
    ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(tmp_path, tls=True, login=("ulos@x", "s:e/c")) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        address = SecretStr(f"smtp://ulos%40x:s%3Ae%2Fc@127.0.0.1:{server.port}")
        made = open_mailer(ctx.settings.model_copy(update={"smtp_url": address}))
        assert made is not None
        with made.connected() as line:
            line.send(EMAIL, "Ñandú", "Señal")

    assert server.secured == [True]
    assert server.logins == [("ulos@x", "s:e/c")]
    assert server.mails[0]["Subject"] == "Ñandú"


def test_a_certificate_that_nobody_vouches_for_is_refused(ctx: Context, tmp_path: Path) -> None:
    with mail_server(tmp_path, tls=True) as server:
        address = SecretStr(f"smtp://127.0.0.1:{server.port}")
        made = open_mailer(ctx.settings.model_copy(update={"smtp_url": address}))
        assert made is not None
        with pytest.raises(MailUnavailable, match="certificate"), made.connected():
            pass


def test_without_tls_where_it_is_required_nothing_is_sent(ctx: Context, server: MailServer) -> None:
    address = SecretStr(f"smtp://127.0.0.1:{server.port}?tls=require")
    made = open_mailer(ctx.settings.model_copy(update={"smtp_url": address}))
    assert made is not None

    with pytest.raises(MailUnavailable), made.connected():
        pass
    assert server.mails == []


def test_the_address_of_a_mail_server_must_be_one() -> None:
    for wrong in ("mail.example.org", "http://mail.example.org", "smtp://"):
        with pytest.raises(ValidationError):
            Settings(smtp_url=SecretStr(wrong), _env_file=None)


def test_without_mail_a_reset_is_refused_in_words(ctx: Context) -> None:
    with pytest.raises(NoMail):
        accounts.request_reset(ctx, email=EMAIL, address="")
