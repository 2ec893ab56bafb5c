"""Opening courses, and one person in, out, or in another role."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from sqlalchemy import update

from core.context import NOBODY, ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import (
    AccountClosed,
    EmailNotAllowed,
    HasOtherRole,
    LastProfessor,
    NameTaken,
    NotAllowed,
    NotFound,
    OnlyAdmins,
    Required,
    TooLong,
    UlosError,
    UnknownChoice,
)
from core.models import User
from core.services import accounts, courses, installation, submissions
from core.vocabulary import Role
from tests import builders

EMAIL = "new@uniandes.edu.co"


def add(
    ctx: Context,
    world: builders.World,
    role: Role = Role.STUDENT,
    email: str = EMAIL,
    by: Actor | None = None,
) -> courses.MemberAdded:
    return courses.add_member(ctx, by or world.professor, world.course_id, email=email, role=role)


def role_of(ctx: Context, world: builders.World, person: Actor) -> Role | None:
    members = courses.list_members(ctx, PLATFORM, world.course_id)
    return next((member.role for member in members if member.id == person.user_id), None)


def colleague(ctx: Context, world: builders.World, name: str = "colleague") -> Actor:
    """A second professor of the course."""
    person = builders.person(ctx, name)
    courses.enrol(ctx, PLATFORM, world.course_id, person.user_id or 0, Role.PROFESSOR)
    return person


def test_a_professor_adds_a_person_by_e_mail_and_the_account_is_made(ctx: Context) -> None:
    world = builders.world(ctx)

    added = courses.add_member(
        ctx,
        world.professor,
        world.course_id,
        email=" New@Uniandes.edu.co",
        role=Role.MONITOR,
        full_name=" N  N ",
    )

    assert (added.member.email, added.member.full_name, added.member.role) == (EMAIL, "N N", Role.MONITOR)
    assert added.is_new_account
    assert not added.member.has_password


def test_adding_somebody_again_changes_nothing_and_invites_nobody(ctx: Context) -> None:
    world = builders.world(ctx)
    first, again = add(ctx, world), add(ctx, world)

    assert first.member == again.member
    assert (again.is_new_account, again.invitation) == (False, None)


def test_adding_somebody_who_has_another_role_is_refused_and_changes_nothing(ctx: Context) -> None:
    world = builders.world(ctx)

    with pytest.raises(HasOtherRole):
        add(ctx, world, Role.STUDENT, "monitor@uniandes.edu.co")
    assert role_of(ctx, world, world.monitor) is Role.MONITOR


def test_accounts_are_made_for_our_domains_only_and_closed_ones_stay_closed(ctx: Context) -> None:
    world = builders.world(ctx)
    mine = courses.create_course(ctx, world.professor, name="Another of mine")
    courses.enrol(ctx, PLATFORM, mine, world.stranger.user_id or 0, Role.STUDENT)
    with ctx.db.transaction() as session:
        session.execute(
            update(User).where(User.email == "stranger@uniandes.edu.co").values(disabled_at=ctx.now())
        )

    with pytest.raises(EmailNotAllowed):
        add(ctx, world, email="new@example.org")
    with pytest.raises(AccountClosed):
        add(ctx, world, email="stranger@uniandes.edu.co")


def test_only_admins_make_somebody_a_professor_who_is_none_yet(ctx: Context) -> None:
    world = builders.world(ctx)
    admin = builders.person(ctx, "admin", is_admin=True)

    with pytest.raises(OnlyAdmins):
        add(ctx, world, Role.PROFESSOR)
    with pytest.raises(OnlyAdmins):
        courses.set_role(ctx, world.professor, world.course_id, world.monitor.user_id or 0, Role.PROFESSOR)

    assert add(ctx, world, Role.PROFESSOR, by=admin).member.role is Role.PROFESSOR


def test_professors_share_a_course_with_professors_of_other_courses(ctx: Context) -> None:
    world = builders.world(ctx)
    teacher = builders.person(ctx, "teacher")
    courses.enrol(
        ctx,
        PLATFORM,
        courses.create_course(ctx, PLATFORM, name="Other"),
        teacher.user_id or 0,
        Role.PROFESSOR,
    )

    added = add(ctx, world, Role.PROFESSOR, "teacher@uniandes.edu.co")

    assert added.member.role is Role.PROFESSOR


def test_a_professor_makes_a_student_a_monitor_and_back(ctx: Context) -> None:
    world = builders.world(ctx)
    student = world.student.user_id or 0

    up = courses.set_role(ctx, world.professor, world.course_id, student, Role.MONITOR)
    down = courses.set_role(ctx, world.professor, world.course_id, student, Role.STUDENT)

    assert (up.member.role, down.member.role) == (Role.MONITOR, Role.STUDENT)


def test_who_was_removed_sees_the_course_no_more_but_their_work_stays(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id

    courses.remove_member(ctx, world.professor, world.course_id, world.student.user_id or 0)

    assert courses.list_my_courses(ctx, world.student) == []
    with pytest.raises(NotFound):
        courses.get_course(ctx, world.student, world.course_id)
    assert submissions.get_task(ctx, world.professor, task_id).student_email == "student@uniandes.edu.co"
    with pytest.raises(NotFound):
        courses.remove_member(ctx, world.professor, world.course_id, world.student.user_id or 0)


def test_the_last_professor_neither_leaves_nor_steps_down(ctx: Context) -> None:
    world = builders.world(ctx)
    me = world.professor.user_id or 0

    with pytest.raises(LastProfessor):
        courses.remove_member(ctx, world.professor, world.course_id, me)
    with pytest.raises(LastProfessor):
        courses.set_role(ctx, world.professor, world.course_id, me, Role.MONITOR)
    colleague(ctx, world)
    courses.remove_member(ctx, world.professor, world.course_id, me)

    assert role_of(ctx, world, world.professor) is None


def test_two_professors_who_put_each_other_out_at_once_leave_one(ctx: Context) -> None:
    world = builders.world(ctx)
    both = (world.professor, colleague(ctx, world))
    together = Barrier(2)

    def put_out(actor: Actor, other: Actor) -> None:
        together.wait()
        with suppress(UlosError):
            courses.remove_member(ctx, actor, world.course_id, other.user_id or 0)

    left = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(15):
            for person in both:
                courses.enrol(ctx, PLATFORM, world.course_id, person.user_id or 0, Role.PROFESSOR)
            list(pool.map(put_out, both, reversed(both)))
            members = courses.list_members(ctx, PLATFORM, world.course_id)
            left.append(sum(member.role is Role.PROFESSOR for member in members))

    assert left == [1] * 15


def test_a_course_has_a_name_of_its_own_and_a_zone_that_exists(ctx: Context) -> None:
    world = builders.world(ctx)

    made = courses.create_course(ctx, world.professor, name="  Machine   Vision ", timezone="Europe/Madrid")

    course = courses.get_course(ctx, world.professor, made)
    assert (course.name, course.timezone, course.role) == ("Machine Vision", "Europe/Madrid", Role.PROFESSOR)
    for name, timezone, error in (
        ("Machine Vision", None, NameTaken),
        (" ", None, Required),
        ("x" * 201, None, TooLong),
        ("Other", "Mars/Olympus", UnknownChoice),
    ):
        with pytest.raises(error):
            courses.create_course(ctx, world.professor, name=name, timezone=timezone)


def test_a_name_taken_by_two_at_once_makes_one_course(ctx: Context) -> None:
    def make(_: int) -> bool:
        try:
            courses.create_course(ctx, PLATFORM, name="Twice")
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(8))) == 1


def test_an_address_registered_by_two_at_once_makes_one_account(ctx: Context) -> None:
    def make(_: int) -> bool:
        try:
            builders.registered(ctx, EMAIL, "correct horse battery")
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(4))) == 1


USES: dict[str, Callable[[Context, Actor, builders.World], object]] = {
    "get_course": lambda ctx, actor, w: courses.get_course(ctx, actor, w.course_id),
    "list_members": lambda ctx, actor, w: courses.list_members(ctx, actor, w.course_id),
    "list_students": lambda ctx, actor, w: courses.list_students(ctx, actor, w.course_id),
    "get_member": lambda ctx, actor, w: courses.get_member(ctx, actor, w.course_id, w.student.user_id or 0),
    "add_member": lambda ctx, actor, w: add(ctx, w, by=actor),
    "set_role": lambda ctx, actor, w: courses.set_role(
        ctx, actor, w.course_id, w.student.user_id or 0, Role.MONITOR
    ),
    "remove_member": lambda ctx, actor, w: courses.remove_member(
        ctx, actor, w.course_id, w.student.user_id or 0
    ),
    "invite_all_again": lambda ctx, actor, w: courses.invite_all_again(ctx, actor, w.course_id),
    "import_roster": lambda ctx, actor, w: courses.import_roster(
        ctx, actor, w.course_id, b"Email\nstudent@uniandes.edu.co\n"
    ),
    "create_course": lambda ctx, actor, _: courses.create_course(ctx, actor, name="Another"),
    "enrol": lambda ctx, actor, w: courses.enrol(
        ctx, actor, w.course_id, w.stranger.user_id or 0, Role.PROFESSOR
    ),
    "list_people": lambda ctx, actor, _: accounts.list_people(ctx, actor),
    "count_people": lambda ctx, actor, _: accounts.count_people(ctx, actor),
    "set_admin": lambda ctx, actor, w: accounts.set_admin(ctx, actor, w.student.user_id or 0, is_admin=True),
    "list_settings": lambda ctx, actor, _: installation.list_settings(ctx, actor),
    "create_reset_link": lambda ctx, actor, w: accounts.create_reset_link(ctx, actor, w.student.user_id or 0),
    "create_callback_token": lambda ctx, actor, _: accounts.create_callback_token(
        ctx, actor, name="t", scopes=["logs"]
    ),
    "list_callback_tokens": lambda ctx, actor, _: accounts.list_callback_tokens(ctx, actor),
    "revoke_callback_token": lambda ctx, actor, _: accounts.revoke_callback_token(ctx, actor, 999_999),
    "list_api_tokens": lambda ctx, actor, _: accounts.list_api_tokens(ctx, actor),
    "revoke_own_api_token": lambda ctx, actor, _: accounts.revoke_own_api_token(ctx, actor, 999_999),
    "select_course": lambda ctx, actor, w: accounts.select_course(ctx, actor, w.course_id),
}

WHO = (
    "admin",
    "professor",
    "monitor",
    "student",
    "professor elsewhere",
    "closed admin",
    "orchestrator",
    "nobody",
)

# One letter for each of `WHO`: y yes, n not allowed, f not found (may not know of it), s not signed in.
# What yes means for things that are not there is "not found" too: written as y.
DECISIONS = {
    "get_course": "yyyyffns",
    "list_members": "yyynffns",
    "list_students": "yyynffns",
    "get_member": "yyynffns",
    "add_member": "yynnffns",
    "set_role": "yynnffns",
    "remove_member": "yynnffns",
    "import_roster": "yynnffns",
    "invite_all_again": "yynnffns",
    "create_course": "yynnynns",
    "enrol": "ynnnnnns",
    "list_people": "ynnnnnns",
    "count_people": "ynnnnnns",
    "set_admin": "ynnnnnns",
    "list_settings": "ynnnnnns",
    "create_reset_link": "ynnnnnns",
    "create_callback_token": "ynnnnnns",
    "list_callback_tokens": "ynnnnnns",
    "revoke_callback_token": "ynnnnnns",
    "list_api_tokens": "yyyyynns",
    "revoke_own_api_token": "yyyyynns",
    "select_course": "yyyyffns",
}
ABSENT = {"revoke_callback_token", "revoke_own_api_token"}


@pytest.mark.parametrize("use", USES)
def test_each_use_case_serves_whom_it_is_for_and_nobody_else(ctx: Context, use: str) -> None:
    world = builders.world(ctx)
    elsewhere, closed = builders.person(ctx, "elsewhere"), builders.person(ctx, "closed", is_admin=True)
    other = courses.create_course(ctx, PLATFORM, name="Elsewhere")
    courses.enrol(ctx, PLATFORM, other, elsewhere.user_id or 0, Role.PROFESSOR)
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == closed.user_id).values(disabled_at=ctx.now()))
    admin = builders.person(ctx, "admin", is_admin=True)
    actors = (admin, world.professor, world.monitor, world.student, elsewhere, closed, ORCHESTRATOR, NOBODY)

    assert "".join(_decide(use, ctx, actor, world) for actor in reversed(actors))[::-1] == DECISIONS[use]


def _decide(use: str, ctx: Context, actor: Actor, world: builders.World) -> str:
    courses.enrol(ctx, PLATFORM, world.course_id, world.student.user_id or 0, Role.STUDENT)
    try:
        USES[use](ctx, actor, world)
    except NotFound:
        return "y" if use in ABSENT else "f"
    except NotAllowed:
        return "n"
    except (NameTaken, HasOtherRole):
        return "y"
    except UlosError as error:
        return {"NotSignedIn": "s"}.get(type(error).__name__, "?")
    return "y"


def test_an_admin_who_is_no_member_selects_a_course_without_a_role(ctx: Context) -> None:
    world = builders.world(ctx)
    admin = builders.person(ctx, "admin", is_admin=True)

    assert accounts.select_course(ctx, admin, world.course_id).role is None
    assert accounts.select_course(ctx, world.monitor, world.course_id).role is Role.MONITOR
