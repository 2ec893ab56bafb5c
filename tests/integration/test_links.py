"""One-time links: for whom, for how long, how often, and what they never do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from core.context import NOBODY, PLATFORM, Actor, Context
from core.errors import (
    HasPassword,
    LinkExpired,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OnlyAdmins,
    SlowDown,
    WeakPassword,
)
from core.mailing import send_waiting
from core.models import OneTimeLink, User
from core.services import accounts, courses
from core.services.courses import Delivery
from core.vocabulary import LinkPurpose, Role
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


def link_for(ctx: Context, person: Actor, purpose: LinkPurpose) -> str:
    with ctx.db.transaction() as session:
        url = accounts.issue_link(session, ctx, person.user_id or 0, purpose).url
    return url.partition("token=")[2]


@pytest.mark.parametrize(("purpose", "life"), [("invitation", {"days": 7}), ("reset", {"hours": 1})])
def test_links_end_by_themselves(ctx: Context, clock: Clock, purpose: str, life: dict[str, int]) -> None:
    token = link_for(ctx, builders.invited(ctx), LinkPurpose(purpose))
    clock.advance(**life)
    clock.advance(seconds=-1)

    assert accounts.find_link(ctx, token).purpose == purpose
    clock.advance(seconds=1)
    for use in (
        lambda: accounts.find_link(ctx, token),
        lambda: accounts.set_password(ctx, token=token, password=NEW),
    ):
        with pytest.raises(LinkExpired):
            use()


def test_looking_at_a_link_does_not_spend_it(ctx: Context) -> None:
    token = link_for(ctx, builders.invited(ctx), LinkPurpose.INVITATION)

    assert [accounts.find_link(ctx, token).email for _ in range(3)] == ["invited@uniandes.edu.co"] * 3
    accounts.set_password(ctx, token=token, password=PASSWORD)


def test_a_weak_password_leaves_the_link_good(ctx: Context) -> None:
    token = link_for(ctx, builders.invited(ctx), LinkPurpose.INVITATION)

    with pytest.raises(WeakPassword):
        accounts.set_password(ctx, token=token, password="passwordpassword")
    accounts.set_password(ctx, token=token, password=PASSWORD)


@pytest.mark.parametrize("purpose", [LinkPurpose.INVITATION, LinkPurpose.RESET])
def test_a_link_used_by_four_at_once_works_for_one(ctx: Context, purpose: LinkPurpose) -> None:
    token = link_for(ctx, builders.invited(ctx), purpose)

    def use(number: int) -> bool:
        try:
            accounts.set_password(ctx, token=token, password=f"{NEW} {number}")
        except LinkExpired:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(use, range(4)))

    assert sorted(outcomes) == [False, False, False, True]
    assert not use(4), "nor later"


def test_an_old_invitation_does_not_change_a_password(ctx: Context) -> None:
    person = builders.invited(ctx)
    old, first = (link_for(ctx, person, LinkPurpose.INVITATION) for _ in range(2))
    accounts.set_password(ctx, token=first, password=PASSWORD)
    later = link_for(ctx, person, LinkPurpose.INVITATION)

    for token in (old, later):
        with pytest.raises(LinkExpired):
            accounts.set_password(ctx, token=token, password=NEW)


def test_a_reset_ends_what_the_old_password_opened(ctx: Context) -> None:
    person = account(ctx, EMAIL, PASSWORD)
    ticket = accounts.open_ticket(ctx, person.user_id or 0, nonce="n")
    cookie = accounts.redeem_ticket(ctx, ticket=ticket, nonce="n", user_agent="")
    bearer = accounts.issue_api_token(ctx, person.user_id or 0)
    other = link_for(ctx, person, LinkPurpose.RESET)

    accounts.set_password(ctx, token=link_for(ctx, person, LinkPurpose.RESET), password=NEW)

    assert accounts.find_session(ctx, cookie) is None
    with pytest.raises(NotSignedIn):
        accounts.actor_of_bearer(ctx, bearer)
    with pytest.raises(LinkExpired):
        accounts.find_link(ctx, other)


def test_a_reset_ends_the_wait_after_failures(ctx: Context) -> None:
    person = account(ctx, EMAIL, PASSWORD)
    for _ in range(5):
        assert not can_sign_in(ctx, EMAIL, "wrong")
    with pytest.raises(SlowDown):
        can_sign_in(ctx, EMAIL, PASSWORD)

    accounts.set_password(ctx, token=link_for(ctx, person, LinkPurpose.RESET), password=NEW)

    assert can_sign_in(ctx, EMAIL, NEW)


def test_no_link_opens_a_closed_account(ctx: Context) -> None:
    token = link_for(ctx, builders.invited(ctx), LinkPurpose.INVITATION)
    with ctx.db.transaction() as session:
        session.execute(update(User).values(disabled_at=ctx.now()))

    with pytest.raises(LinkExpired):
        accounts.set_password(ctx, token=token, password=NEW)


def test_the_database_holds_no_link_that_works(mailing: Context, server: MailServer) -> None:
    add(mailing, builders.world(mailing))
    send_waiting(mailing, mailer(mailing))
    (token,) = server.links()

    with mailing.db.transaction() as session:
        kept = session.scalars(text("SELECT mail_outbox::text FROM mail_outbox")).all()
        hashes = session.scalars(select(OneTimeLink.token_hash)).all()
    assert token not in "".join(kept)
    assert token.encode() not in b"".join(hashes)


def test_where_no_mail_is_sent_the_link_is_shown_to_who_invites(ctx: Context) -> None:
    world = builders.world(ctx)
    added = courses.add_member(ctx, world.professor, world.course_id, email=EMAIL, role=Role.STUDENT)

    assert added.invitation is not None
    shown = re.fullmatch(r"http://127\.0\.0\.1:8501/link#token=(.+)", added.invitation.link or "")
    assert shown is not None
    accounts.set_password(ctx, token=shown[1], password=PASSWORD)
    assert can_sign_in(ctx, EMAIL, PASSWORD)


@pytest.mark.parametrize("standing", ["admin", "professor elsewhere", "student elsewhere"])
def test_no_professor_sees_a_link_to_an_account_that_holds_more_than_they_give(
    ctx: Context, standing: str
) -> None:
    world = builders.world(ctx)
    other = courses.create_course(ctx, PLATFORM, name="Elsewhere")
    person = builders.invited(ctx, is_admin=standing == "admin")
    if standing != "admin":
        courses.enrol(ctx, PLATFORM, other, person.user_id or 0, Role(standing.split(maxsplit=1)[0]))

    added = courses.add_member(
        ctx, world.professor, world.course_id, email="invited@uniandes.edu.co", role=Role.STUDENT
    )

    assert added.invitation is not None
    assert (added.invitation.link, added.invitation.delivery) == (None, Delivery.ADMIN)
    with pytest.raises(OnlyAdmins):
        courses.invite_again(ctx, world.professor, world.course_id, person.user_id or 0)
    admin = builders.person(ctx, "admin", is_admin=True)
    assert courses.invite_again(ctx, admin, world.course_id, person.user_id or 0).link


def test_who_has_a_password_needs_no_invitation(ctx: Context) -> None:
    world = builders.world(ctx)

    with pytest.raises(HasPassword):
        courses.invite_again(ctx, world.professor, world.course_id, world.student.user_id or 0)
    with pytest.raises(NotFound):
        courses.invite_again(ctx, world.professor, world.course_id, world.stranger.user_id or 0)


def test_only_admins_hand_out_reset_links(ctx: Context) -> None:
    world = builders.world(ctx)
    admin = builders.person(ctx, "admin", is_admin=True)
    target = world.student.user_id or 0

    for actor in (world.professor, world.monitor, world.student):
        with pytest.raises(NotAllowed):
            accounts.create_reset_link(ctx, actor, target)
    with pytest.raises(NotSignedIn):
        accounts.create_reset_link(ctx, NOBODY, target)
    link = accounts.create_reset_link(ctx, admin, target)

    accounts.set_password(ctx, token=link.url.partition("token=")[2], password=NEW)
    assert can_sign_in(ctx, "student@uniandes.edu.co", NEW)
    with pytest.raises(NotFound):
        accounts.create_reset_link(ctx, admin, 999_999)
