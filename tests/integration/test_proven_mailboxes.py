"""What holds before a mailbox is proven, and what becomes of links when a role is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update

from core.context import PLATFORM, Actor, Context
from core.errors import (
    LinkExpired,
    NotAllowed,
    NotFound,
)
from core.mailing import send_waiting
from core.models import User
from core.services import accounts, courses, definitions, submissions
from core.services.courses import Delivery
from core.vocabulary import LinkPurpose, Role
from tests import builders
from tests.account_mails import EMAIL, NEW, PASSWORD, account, can_sign_in, mailer, over
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


def token_of(link: str | None) -> str:
    return (link or "").partition("token=")[2]


@pytest.mark.parametrize("role", list(Role))
def test_a_role_given_to_an_unproven_mailbox_holds_after_the_link_and_for_its_holder_only(
    opened: Context, role: Role
) -> None:
    world = builders.world(opened)
    squatter = builders.registered(opened, EMAIL, PASSWORD).actor
    admin = builders.person(opened, "admin", is_admin=True)

    added = courses.add_member(opened, admin, world.course_id, email=EMAIL, role=role)
    refused: list[Callable[[], object]] = [
        lambda: courses.get_course(opened, squatter, world.course_id),
        lambda: courses.list_members(opened, squatter, world.course_id),
        lambda: submissions.check_may_submit(opened, squatter, world.assignment_id),
        lambda: courses.create_course(opened, squatter, name="Mine"),
        lambda: definitions.list_definitions(opened, squatter),
    ]
    for use in refused:
        with pytest.raises((NotFound, NotAllowed)):
            use()
    seen = courses.list_my_courses(opened, squatter)
    assert added.invitation is not None
    accounts.set_password(opened, token=token_of(added.invitation.link), password=NEW)

    assert (added.member.is_confirmed, added.invitation.delivery) == (False, Delivery.LINK)
    assert seen == []
    assert not can_sign_in(opened, EMAIL, PASSWORD), "the first one's password"
    assert courses.list_my_courses(opened, Actor(added.member.id))[0].role is role


def test_a_list_says_whose_mailbox_is_unproven_and_gives_their_link(opened: Context) -> None:
    world = builders.world(opened)
    builders.registered(opened, EMAIL, PASSWORD)

    outcome = courses.import_roster(opened, world.professor, world.course_id, f"Email\n{EMAIL}\n".encode())

    assert [(made.email, made.delivery) for made in outcome.invitations] == [(EMAIL, Delivery.LINK)]
    member = courses.get_member(
        opened, world.professor, world.course_id, accounts.find_person_id(opened, EMAIL)
    )
    assert (member.has_password, member.is_confirmed) == (True, False)


def test_another_role_for_an_unproven_mailbox_gives_its_link(opened: Context) -> None:
    world = builders.world(opened)
    person = builders.registered(opened, EMAIL, PASSWORD)
    courses.enrol(opened, PLATFORM, world.course_id, person.id, Role.STUDENT)

    changed = courses.set_role(opened, world.professor, world.course_id, person.id, Role.MONITOR)

    assert changed.invitation is not None
    assert accounts.find_link(opened, token_of(changed.invitation.link)).email == EMAIL


def test_an_admin_with_an_unproven_mailbox_administers_nothing_before_the_link(opened: Context) -> None:
    admin = builders.person(opened, "admin", is_admin=True)
    squatter = builders.registered(opened, EMAIL, PASSWORD)

    link = accounts.set_admin(opened, admin, squatter.id, is_admin=True)
    for actor in (squatter.actor, Actor(squatter.id, is_admin=True)):
        with pytest.raises(NotAllowed):
            accounts.list_people(opened, actor)
    assert link is not None
    person = accounts.set_password(opened, token=token_of(link.url), password=NEW)

    assert accounts.list_people(opened, person.actor)


def grow_by_list(ctx: Context, world: builders.World, person: int) -> None:
    with ctx.db.transaction() as session:
        email = session.get_one(User, person).email
    courses.import_roster(ctx, world.professor, world.course_id, f"Email\n{email}\n".encode())


def grow_by_adding(ctx: Context, world: builders.World, person: int) -> None:
    with ctx.db.transaction() as session:
        email = session.get_one(User, person).email
    courses.add_member(ctx, world.professor, world.course_id, email=email, role=Role.MONITOR)


def grow_in_the_course(ctx: Context, world: builders.World, person: int) -> None:
    courses.enrol(ctx, PLATFORM, world.course_id, person, Role.STUDENT)
    with ctx.db.transaction() as session:
        accounts.issue_link(session, ctx, person, LinkPurpose.RESET)
    courses.set_role(ctx, world.professor, world.course_id, person, Role.MONITOR)


def grow_to_admin(ctx: Context, world: builders.World, person: int) -> None:
    accounts.set_admin(ctx, builders.person(ctx, "admin", is_admin=True), person, is_admin=True)


def grow_by_command(ctx: Context, world: builders.World, person: int) -> None:
    courses.enrol(ctx, PLATFORM, world.course_id, person, Role.PROFESSOR)


def grow_by_a_course(ctx: Context, world: builders.World, person: int) -> None:
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == person).values(is_admin=True))
    courses.create_course(ctx, Actor(person, is_admin=True), name="Of my own")


@pytest.mark.parametrize(
    "grow",
    [grow_by_list, grow_by_adding, grow_in_the_course, grow_to_admin, grow_by_command, grow_by_a_course],
)
@pytest.mark.parametrize("purpose", [LinkPurpose.INVITATION, LinkPurpose.RESET])
def test_open_links_die_when_the_rights_of_their_person_grow(
    ctx: Context, purpose: LinkPurpose, grow: object
) -> None:
    world = builders.world(ctx)
    person = account(ctx, EMAIL, PASSWORD) if purpose is LinkPurpose.RESET else builders.invited(ctx)
    if grow is grow_by_a_course:
        with ctx.db.transaction() as session:
            session.execute(update(User).values(confirmed_at=ctx.now()))
    number = person.user_id or 0
    with ctx.db.transaction() as session:
        token = token_of(accounts.issue_link(session, ctx, number, purpose).url)
    accounts.find_link(ctx, token)

    assert callable(grow)
    grow(ctx, world, number)

    with pytest.raises(LinkExpired):
        accounts.set_password(ctx, token=token, password=NEW)


def test_a_link_of_a_registration_dies_when_its_person_becomes_a_monitor(
    mailing: Context, server: MailServer
) -> None:
    world = builders.world(mailing)
    accounts.register(mailing, email=EMAIL, password=PASSWORD)
    send_waiting(mailing, mailer(mailing))

    courses.add_member(mailing, world.professor, world.course_id, email=EMAIL, role=Role.MONITOR)
    send_waiting(mailing, mailer(mailing))

    registration, invitation = server.links()
    with pytest.raises(LinkExpired):
        accounts.find_link(mailing, registration)
    assert accounts.find_link(mailing, invitation).email == EMAIL


def test_no_link_that_is_shown_at_the_same_moment_outlives_a_new_role(ctx: Context) -> None:
    world = builders.world(ctx)
    colleague = builders.person(ctx, "colleague")
    for round_ in range(8):
        other = courses.create_course(ctx, PLATFORM, name=f"Other {round_}")
        courses.enrol(ctx, PLATFORM, other, colleague.user_id or 0, Role.PROFESSOR)
        invited = builders.invited(ctx, f"invited{round_}")
        email = f"invited{round_}@uniandes.edu.co"

        def add(actor: Actor, course_id: int, role: Role, email: str = email) -> courses.Invitation | None:
            return courses.add_member(ctx, actor, course_id, email=email, role=role).invitation

        with ThreadPoolExecutor(2) as pool:
            shown = [
                pool.submit(add, world.professor, world.course_id, Role.STUDENT),
                pool.submit(add, colleague, other, Role.MONITOR),
            ]
        for made in (one.result() for one in shown):
            if made is not None and made.link is not None:
                with pytest.raises(LinkExpired):
                    accounts.find_link(ctx, token_of(made.link))
        assert invited.user_id


STRANGERS = ("nobody@uniandes.edu.co", "stranger@uniandes.edu.co", "closed@uniandes.edu.co", EMAIL)


def test_a_preview_tells_a_professor_nothing_about_strangers(opened: Context) -> None:
    world = builders.world(opened)
    elsewhere = courses.create_course(opened, PLATFORM, name="Elsewhere")
    courses.enrol(opened, PLATFORM, elsewhere, world.stranger.user_id or 0, Role.PROFESSOR)
    closed = builders.person(opened, "closed")
    builders.registered(opened, EMAIL, PASSWORD)
    with opened.db.transaction() as session:
        session.execute(
            update(User).where(User.id == closed.user_id).values(disabled_at=opened.now(), student_code="7")
        )

    told = [
        courses.import_roster(
            opened, world.professor, world.course_id, f"Email\n{email}\n".encode(), dry_run=True
        )
        for email in STRANGERS
    ]

    assert [outcome.rejected for outcome in told] == [()] * len(STRANGERS)
    entries = [outcome.added[0] for outcome in told]
    assert {(entry.full_name, entry.student_code, entry.is_new_account) for entry in entries} == {
        ("", None, True)
    }


def test_a_preview_tells_what_is_known_of_the_professors_own_people(ctx: Context) -> None:
    world = builders.world(ctx)
    other = courses.create_course(ctx, world.professor, name="Another of mine")

    (entry,) = courses.import_roster(
        ctx, world.professor, other, b"Email\nstudent@uniandes.edu.co\n", dry_run=True
    ).added

    assert (entry.full_name, entry.is_new_account) == ("Student", False)
