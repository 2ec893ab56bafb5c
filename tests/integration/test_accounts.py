"""Passwords, sessions, tokens: who somebody is, and for how long."""

from __future__ import annotations

import bcrypt
import pytest
from sqlalchemy import delete, select, update

from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import (
    NotFound,
    NotSignedIn,
    SlowDown,
    UlosError,
    UnknownChoice,
    WrongCredentials,
)
from core.models import User, WebSession
from core.services import accounts
from core.vocabulary import Scope
from tests.conftest import Clock

EMAIL = "ana@uniandes.edu.co"
PASSWORD = "correct horse battery"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
"""Cheap, so that the suite stays quick."""
SLOW_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
"""As slow as a real one, so that what comes at once is at work at once."""


@pytest.fixture
def ana(ctx: Context) -> Actor:
    number = accounts.ensure_person(ctx, PLATFORM, email=EMAIL, full_name="Ana", password_hash=HASH)
    return Actor(user_id=number)


def slow_down(ctx: Context) -> None:
    with ctx.db.transaction() as session:
        session.execute(update(User).values(password_hash=SLOW_HASH))


def sign_in(
    ctx: Context, password: str = PASSWORD, email: str = EMAIL, address: str = "10.0.0.1", device: str = ""
) -> str:
    """The error that the person meets; empty when they are in."""
    try:
        accounts.sign_in(ctx, email=email, password=password, address=address, device=device)
    except UlosError as error:
        return type(error).__name__
    return ""


def open_session(ctx: Context, person: Actor, agent: str = "Firefox") -> str:
    ticket = accounts.open_ticket(ctx, person.user_id or 0, nonce="nonce")
    return accounts.redeem_ticket(ctx, ticket=ticket, nonce="nonce", user_agent=agent)


def person_at(ctx: Context, token: str) -> int | None:
    found = accounts.find_session(ctx, token)
    return found.person.id if found else None


def test_a_closed_account_neither_signs_in_nor_stays_signed_in(ctx: Context, ana: Actor) -> None:
    token = open_session(ctx, ana)
    bearer = accounts.issue_api_token(ctx, ana.user_id or 0)
    with ctx.db.transaction() as session:
        session.execute(update(User).values(disabled_at=ctx.now()))

    assert sign_in(ctx) == "WrongCredentials"
    assert person_at(ctx, token) is None
    with pytest.raises(NotSignedIn):
        accounts.actor_of_api_token(ctx, bearer)


def test_a_ticket_is_good_once(ctx: Context, ana: Actor) -> None:
    ticket = accounts.open_ticket(ctx, ana.user_id or 0, nonce="nonce")
    token = accounts.redeem_ticket(ctx, ticket=ticket, nonce="nonce", user_agent="")

    with pytest.raises(NotSignedIn):
        accounts.redeem_ticket(ctx, ticket=ticket, nonce="nonce", user_agent="")
    assert person_at(ctx, token) == ana.user_id


def test_a_ticket_is_good_in_the_browser_that_signed_in_only(ctx: Context, ana: Actor) -> None:
    ticket = accounts.open_ticket(ctx, ana.user_id or 0, nonce="nonce")

    for nonce in ("of another browser", ""):
        with pytest.raises(NotSignedIn):
            accounts.redeem_ticket(ctx, ticket=ticket, nonce=nonce, user_agent="")
    with pytest.raises(NotSignedIn):
        accounts.open_ticket(ctx, ana.user_id or 0, nonce="")


def test_a_ticket_is_good_for_thirty_seconds(ctx: Context, ana: Actor, clock: Clock) -> None:
    ticket = accounts.open_ticket(ctx, ana.user_id or 0, nonce="nonce")
    clock.advance(seconds=30)

    with pytest.raises(NotSignedIn):
        accounts.redeem_ticket(ctx, ticket=ticket, nonce="nonce", user_agent="")


def test_a_session_ends_when_it_is_not_used_for_eight_hours(ctx: Context, ana: Actor, clock: Clock) -> None:
    token = open_session(ctx, ana)
    for _ in range(3):
        clock.advance(hours=7, minutes=59)
        assert person_at(ctx, token) == ana.user_id

    clock.advance(hours=8)

    assert person_at(ctx, token) is None


def test_a_session_ends_after_seven_days_even_when_it_is_used(ctx: Context, ana: Actor, clock: Clock) -> None:
    token = open_session(ctx, ana)
    for _ in range(27):
        clock.advance(hours=6)
        assert person_at(ctx, token) == ana.user_id

    clock.advance(hours=6)

    assert person_at(ctx, token) is None


def test_a_last_use_is_written_at_most_once_a_minute(ctx: Context, ana: Actor, clock: Clock) -> None:
    token = open_session(ctx, ana)
    began = clock()
    seen = []
    for _ in range(3):
        clock.advance(seconds=40)
        accounts.find_session(ctx, token)
        seen.append((accounts.list_sessions(ctx, ana)[0].last_seen_at - began).total_seconds())

    assert seen == [0, 80, 80]


def test_signing_out_ends_the_session_at_once_and_no_other(ctx: Context, ana: Actor) -> None:
    first, second = open_session(ctx, ana), open_session(ctx, ana)

    accounts.end_session(ctx, first)

    assert (person_at(ctx, first), person_at(ctx, second)) == (None, ana.user_id)


def test_people_see_and_end_their_own_sessions_only(ctx: Context, ana: Actor) -> None:
    other = accounts.ensure_person(
        ctx, PLATFORM, email="eve@uniandes.edu.co", full_name="", password_hash=HASH
    )
    token = open_session(ctx, ana, "Firefox on Linux")
    (mine,) = accounts.list_sessions(ctx, ana)

    with pytest.raises(NotFound):
        accounts.end_own_session(ctx, Actor(user_id=other), mine.id)
    assert person_at(ctx, token) == ana.user_id
    accounts.end_own_session(ctx, ana, mine.id)

    assert mine.user_agent == "Firefox on Linux"
    assert person_at(ctx, token) is None
    assert accounts.list_sessions(ctx, ana) == []


def test_all_sessions_but_one_end_together(ctx: Context, ana: Actor) -> None:
    here, there, elsewhere = (open_session(ctx, ana) for _ in range(3))
    kept = accounts.find_session(ctx, here)
    assert kept is not None

    assert accounts.end_all_sessions(ctx, ana, except_=kept.session_id) == 2
    assert [person_at(ctx, token) for token in (here, there, elsewhere)] == [ana.user_id, None, None]


def test_only_hashes_of_sessions_are_kept(ctx: Context, ana: Actor) -> None:
    token = open_session(ctx, ana)

    with ctx.db.transaction() as session:
        kept = session.scalars(select(WebSession.token_hash)).one()
    assert token.encode() not in kept


def test_a_new_password_ends_the_other_sessions_and_every_token(ctx: Context, ana: Actor) -> None:
    here, there = open_session(ctx, ana), open_session(ctx, ana)
    bearer = accounts.issue_api_token(ctx, ana.user_id or 0)
    kept = accounts.find_session(ctx, here)
    assert kept is not None

    accounts.change_password(ctx, ana, old=PASSWORD, new="another good phrase", keep_session=kept.session_id)

    assert [person_at(ctx, token) for token in (here, there)] == [ana.user_id, None]
    with pytest.raises(NotSignedIn):
        accounts.actor_of_api_token(ctx, bearer)
    assert sign_in(ctx, "another good phrase") == ""
    assert sign_in(ctx, PASSWORD) == "WrongCredentials"


def test_an_open_browser_is_no_way_to_guess_the_password(ctx: Context, ana: Actor) -> None:
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            accounts.change_password(ctx, ana, old="guess", new="another good phrase", keep_session=None)

    with pytest.raises(SlowDown):
        accounts.change_password(ctx, ana, old=PASSWORD, new="another good phrase", keep_session=None)


def test_language_and_zone_are_kept_and_must_exist(ctx: Context, ana: Actor) -> None:
    accounts.set_language(ctx, ana, "en")
    accounts.set_timezone(ctx, ana, "Europe/Madrid")
    person = accounts.get_person(ctx, ana)

    assert (person.language, person.timezone) == ("en", "Europe/Madrid")
    with pytest.raises(UnknownChoice):
        accounts.set_language(ctx, ana, "xx")
    with pytest.raises(UnknownChoice):
        accounts.set_timezone(ctx, ana, "Mars/Olympus")


def test_an_api_token_lives_eight_hours_and_can_be_revoked(ctx: Context, ana: Actor, clock: Clock) -> None:
    first, second = (accounts.issue_api_token(ctx, ana.user_id or 0) for _ in range(2))
    clock.advance(hours=7, minutes=59)

    assert accounts.actor_of_api_token(ctx, first) == accounts.actor_of_bearer(ctx, first) == ana
    accounts.revoke_api_token(ctx, first)
    with pytest.raises(NotSignedIn):
        accounts.actor_of_api_token(ctx, first)
    clock.advance(minutes=1)
    with pytest.raises(NotSignedIn):
        accounts.actor_of_api_token(ctx, second)


def test_the_orchestrator_of_the_settings_may_everything(ctx: Context) -> None:
    assert accounts.actor_of_callback_token(ctx, "test-callback-token") == ORCHESTRATOR
    assert ORCHESTRATOR.scopes == set(Scope)
    for token in ("", "other"):
        with pytest.raises(NotSignedIn):
            accounts.actor_of_callback_token(ctx, token)


def test_a_persons_token_reports_nothing_and_an_orchestrators_is_no_person(ctx: Context, ana: Actor) -> None:
    bearer = accounts.issue_api_token(ctx, ana.user_id or 0)

    with pytest.raises(NotSignedIn):
        accounts.actor_of_callback_token(ctx, bearer)
    with pytest.raises(NotSignedIn):
        accounts.actor_of_api_token(ctx, "test-callback-token")


def test_a_person_who_is_gone_is_not_signed_in(ctx: Context, ana: Actor) -> None:
    token = open_session(ctx, ana)
    with ctx.db.transaction() as session:
        session.execute(delete(User))

    assert person_at(ctx, token) is None
    with pytest.raises(NotSignedIn):
        accounts.get_person(ctx, ana)
