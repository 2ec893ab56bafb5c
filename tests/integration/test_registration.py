"""A registration gives nothing before the mailbox is proven."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.context import Context
from core.errors import (
    AccountExists,
    BadEmail,
    EmailNotAllowed,
    LinkExpired,
    RegistrationClosed,
    TooManyAttempts,
    WeakPassword,
)
from core.mailing import send_waiting
from core.models import User
from core.services import accounts, courses
from core.services.courses import Delivery
from core.vocabulary import Role
from tests import builders
from tests.account_mails import EMAIL, NEW, PASSWORD, account, can_sign_in, mailer, over
from tests.conftest import Clock
from tests.smtp_server import MailServer, mail_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path) as made:
        yield made


@pytest.fixture
def mailing(ctx: Context, server: MailServer) -> Context:
    return over(ctx, server)


@pytest.fixture
def opened(ctx: Context) -> Context:
    """An installation without mail that lets people register."""
    return builders.with_settings(ctx, ctx.settings.model_copy(update={"open_registration": True}))


def register(ctx: Context, email: str = EMAIL, address: str = "10.0.0.1") -> accounts.Registered:
    return accounts.register(ctx, email=email, password=PASSWORD, full_name="Ana", address=address)


def count_people(ctx: Context) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def token_of(link: str | None) -> str:
    return (link or "").partition("token=")[2]


def test_with_mail_the_account_is_made_by_the_link_with_the_password_chosen_there(
    mailing: Context, server: MailServer
) -> None:
    register(mailing)
    send_waiting(mailing, mailer(mailing))

    before = (count_people(mailing), can_sign_in(mailing, EMAIL, PASSWORD))
    person = accounts.set_password(mailing, token=server.links()[0], password=NEW)

    assert before == (0, False)
    assert (person.email, person.full_name, person.is_confirmed) == (EMAIL, "Ana", True)
    assert (can_sign_in(mailing, EMAIL, PASSWORD), can_sign_in(mailing, EMAIL, NEW)) == (False, True)
    with pytest.raises(LinkExpired):
        accounts.find_link(mailing, server.links()[0])


def test_a_mail_about_a_registration_repeats_nothing_that_a_stranger_typed(
    mailing: Context, server: MailServer
) -> None:
    accounts.register(mailing, email=EMAIL, password=PASSWORD, full_name="You won, see evil.example")
    send_waiting(mailing, mailer(mailing))

    assert "evil" not in server.mails[0].get_content()


def test_with_mail_the_answer_is_the_same_for_an_address_that_has_an_account(
    mailing: Context, server: MailServer
) -> None:
    account(mailing, EMAIL, PASSWORD)
    with builders.statements(mailing) as of_known:
        known = register(mailing)
    with builders.statements(mailing) as of_new:
        new = register(mailing, "other@uniandes.edu.co")
    send_waiting(mailing, mailer(mailing))

    assert of_known == of_new
    assert (known.person, new.person) == (None, None)
    assert [str(mail["Subject"]) for mail in server.mails] == [
        "ULOS: ya tienes una cuenta",
        "ULOS: confirma tu correo",
    ]
    assert "token=" not in server.mails[0].get_content()


def test_the_link_of_a_registration_ends_after_a_day(
    mailing: Context, server: MailServer, clock: Clock
) -> None:
    register(mailing)
    send_waiting(mailing, mailer(mailing))
    clock.advance(days=1)

    with pytest.raises(LinkExpired):
        accounts.set_password(mailing, token=server.links()[0], password=NEW)


@pytest.mark.parametrize("confirmed", [False, True])
def test_the_link_of_a_registration_opens_no_account_that_was_confirmed_meanwhile(
    mailing: Context, server: MailServer, *, confirmed: bool
) -> None:
    register(mailing)
    send_waiting(mailing, mailer(mailing))
    token = server.links()[0]
    if confirmed:
        account(mailing, EMAIL, PASSWORD)
    else:
        builders.invited(mailing, "new")

    if confirmed:
        with pytest.raises(LinkExpired):
            accounts.set_password(mailing, token=token, password=NEW)
    else:
        assert accounts.set_password(mailing, token=token, password=NEW).is_confirmed


def test_a_registration_link_used_by_four_at_once_makes_one_account(
    mailing: Context, server: MailServer
) -> None:
    register(mailing)
    send_waiting(mailing, mailer(mailing))

    def use(number: int) -> bool:
        try:
            accounts.set_password(mailing, token=server.links()[0], password=f"{NEW} {number}")
        except LinkExpired:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(use, range(4)))

    assert sorted(outcomes) == [False, False, False, True]
    assert count_people(mailing) == 1


def test_registrations_have_limits_by_mailbox_and_by_address(
    mailing: Context, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.services.accounts.registration.REGISTRATIONS_PER_ADDRESS", 5)
    for _ in range(5):
        register(mailing)
    with pytest.raises(TooManyAttempts):
        register(mailing, "other@uniandes.edu.co")
    register(mailing, "other@uniandes.edu.co", address="10.0.0.2")
    send_waiting(mailing, mailer(mailing))

    assert server.recipients() == [EMAIL] * 3 + ["other@uniandes.edu.co"]


def test_a_professor_cannot_flood_a_mailbox_with_invitations(
    mailing: Context, server: MailServer, clock: Clock
) -> None:
    world = builders.world(mailing)
    made = courses.add_member(
        mailing, world.professor, world.course_id, email=EMAIL, role=Role.STUDENT
    ).member
    for _ in range(2):
        courses.invite_again(mailing, world.professor, world.course_id, made.id)

    with pytest.raises(TooManyAttempts):
        courses.invite_again(mailing, world.professor, world.course_id, made.id)
    (later,) = courses.invite_all_again(mailing, world.professor, world.course_id)
    send_waiting(mailing, mailer(mailing))
    clock.advance(hours=1, seconds=1)
    (again,) = courses.invite_all_again(mailing, world.professor, world.course_id)

    assert (later.delivery, again.delivery) == (Delivery.LATER, Delivery.MAIL)
    assert server.recipients() == [EMAIL] * 3


def test_without_mail_registration_is_off_unless_a_setting_allows_it(ctx: Context) -> None:
    with pytest.raises(RegistrationClosed):
        register(ctx)
    with pytest.raises(RegistrationClosed):
        accounts.register(ctx, email="no address", password="x")

    assert count_people(ctx) == 0


def test_with_the_demo_registration_is_open_unless_a_setting_closes_it(ctx: Context) -> None:
    demo = ctx.settings.model_copy(update={"demo": True})

    assert demo.registers_without_mail
    assert not demo.model_copy(update={"open_registration": False}).registers_without_mail


def test_an_account_is_registered_once_and_for_our_domains_only(opened: Context) -> None:
    register(opened, "New@uniandes.edu.co")

    with pytest.raises(AccountExists):
        register(opened)
    for email in (
        "new@example.org",
        "@uniandes.edu.co",
        "new@uniandes.edu.co.example.org",
        "uniandes.edu.co",
        "a,b@uniandes.edu.co",
        "a..b@uniandes.edu.co",
        "ñandú@uniandes.edu.co",
        "a@uniandes.edu.co\nBcc: x@example.org",
    ):
        with pytest.raises((BadEmail, EmailNotAllowed)):
            register(opened, email)
    assert can_sign_in(opened, EMAIL, PASSWORD)


def test_a_weak_password_is_refused_where_a_mail_follows_too(mailing: Context) -> None:
    with pytest.raises(WeakPassword):
        accounts.register(mailing, email=EMAIL, password="passwordpassword")
