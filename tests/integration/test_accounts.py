"""Passwords, sessions, tokens: who somebody is, and for how long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from sqlalchemy import delete, select, update
from streamlit_authenticator.utilities.hasher import Hasher

from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import (
    BadEmail,
    EmailNotAllowed,
    NameTaken,
    NotFound,
    NotSignedIn,
    TooManyAttempts,
    UlosError,
    UnknownChoice,
    WeakPassword,
    WrongCredentials,
)
from core.models import SignInFailure, User, WebSession
from core.services import accounts
from core.services.accounts import hashing
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


def sign_in(ctx: Context, password: str = PASSWORD, email: str = EMAIL, address: str = "10.0.0.1") -> str:
    """The sentence that the person reads; empty when they are in."""
    try:
        accounts.sign_in(ctx, email=email, password=password, address=address)
    except UlosError as error:
        return type(error).__name__
    return ""


def open_session(ctx: Context, person: Actor, agent: str = "Firefox") -> str:
    ticket = accounts.open_ticket(ctx, person.user_id or 0, nonce="nonce")
    return accounts.redeem_ticket(ctx, ticket=ticket, nonce="nonce", user_agent=agent)


def person_at(ctx: Context, token: str) -> int | None:
    found = accounts.find_session(ctx, token)
    return found.person.id if found else None


def test_the_right_password_is_accepted_however_the_address_is_written(ctx: Context, ana: Actor) -> None:
    person = accounts.sign_in(ctx, email=" Ana@Uniandes.edu.co ", password=PASSWORD, address="")

    assert person.actor == ana


def test_passwords_are_kept_as_the_forms_package_keeps_them() -> None:
    kept = accounts.hash_password(PASSWORD)

    assert Hasher.check_pw(PASSWORD, kept)
    assert Hasher.is_hash(kept)
    assert accounts.check_password(PASSWORD, Hasher.hash(PASSWORD))


def test_unknown_people_cost_the_same_hashing_as_known_ones(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.register(ctx, email=EMAIL, password=PASSWORD)
    hashing.nobodys_hash()
    costs: list[bytes] = []
    real = bcrypt.checkpw

    def check(password: bytes, password_hash: bytes) -> bool:
        costs.append(password_hash[:7])
        return real(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", check)

    assert sign_in(ctx, "wrong") == "WrongCredentials"
    assert sign_in(ctx, "wrong", email="nobody@uniandes.edu.co") == "WrongCredentials"
    assert len(costs) == 2
    assert costs[0] == costs[1], "algorithm and cost factor"


def test_five_failures_lock_the_account_from_everywhere_and_the_lock_expires(
    ctx: Context, ana: Actor, clock: Clock
) -> None:
    failed = [sign_in(ctx, "wrong", address=f"10.0.0.{number}") for number in range(5)]
    locked = sign_in(ctx, address="10.9.9.9")
    clock.advance(minutes=15, seconds=1)

    assert failed == ["WrongCredentials"] * 5
    assert locked == "TooManyAttempts"
    assert sign_in(ctx) == ""


def test_the_lock_says_how_many_minutes_are_left(ctx: Context, ana: Actor, clock: Clock) -> None:
    for _ in range(5):
        sign_in(ctx, "wrong")
    clock.advance(minutes=10)

    with pytest.raises(TooManyAttempts) as caught:
        accounts.sign_in(ctx, email=EMAIL, password=PASSWORD, address="")

    assert caught.value.values == {"minutes": 5}


def test_guesses_at_the_same_moment_get_no_further_than_guesses_in_a_row(ctx: Context, ana: Actor) -> None:
    slow_down(ctx)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: sign_in(ctx, f"guess {n}"), range(24)))

    assert outcomes.count("WrongCredentials") == 5
    assert outcomes.count("TooManyAttempts") == 19


def test_fifty_failures_lock_an_address_for_every_account(ctx: Context, ana: Actor, clock: Clock) -> None:
    with ctx.db.transaction() as session:
        session.add_all(
            SignInFailure(email=f"u{n}@uniandes.edu.co", address="10.0.0.1", at=clock()) for n in range(50)
        )

    assert sign_in(ctx) == "TooManyAttempts"
    assert sign_in(ctx, address="10.0.0.2") == ""


def test_a_lecture_hall_behind_one_address_signs_in_without_limit(ctx: Context, ana: Actor) -> None:
    assert [sign_in(ctx) for _ in range(8)] == [""] * 8
    with ctx.db.transaction() as session:
        assert session.scalars(select(SignInFailure.id)).all() == []


def test_a_hundred_people_behind_one_address_sign_in_at_once(ctx: Context) -> None:
    for number in range(100):
        accounts.ensure_person(
            ctx, PLATFORM, email=f"s{number}@uniandes.edu.co", full_name="", password_hash=HASH
        )

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda n: sign_in(ctx, email=f"s{n}@uniandes.edu.co"), range(100)))

    assert outcomes == [""] * 100
    with ctx.db.transaction() as session:
        assert session.scalars(select(SignInFailure.id)).all() == []


def test_one_person_signs_in_many_times_at_once(ctx: Context, ana: Actor) -> None:
    slow_down(ctx)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: sign_in(ctx), range(24)))

    assert outcomes == [""] * 24


def test_an_attempt_whose_process_died_counts_as_failed(ctx: Context, ana: Actor, clock: Clock) -> None:
    with ctx.db.transaction() as session:
        session.add_all(SignInFailure(email=EMAIL, address="", at=clock()) for _ in range(5))
    clock.advance(seconds=31)

    assert sign_in(ctx) == "TooManyAttempts"


def test_signing_in_forgets_the_failures_before_it(ctx: Context, ana: Actor) -> None:
    for _ in range(3):
        assert [sign_in(ctx, "wrong") for _ in range(4)] == ["WrongCredentials"] * 4
        assert sign_in(ctx) == ""


def test_a_closed_account_neither_signs_in_nor_stays_signed_in(ctx: Context, ana: Actor) -> None:
    token = open_session(ctx, ana)
    bearer = accounts.issue_api_token(ctx, ana.user_id or 0)
    with ctx.db.transaction() as session:
        session.execute(update(User).values(disabled_at=ctx.now()))

    assert sign_in(ctx) == "WrongCredentials"
    assert person_at(ctx, token) is None
    with pytest.raises(NotSignedIn):
        accounts.actor_of_api_token(ctx, bearer)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "passwordpassword",
        "abababababab",
        "ana123456789",
        "P@ssw0rd1234",
        "qwertyuiop123",
        "Colombia2026!",
        "Uniandes.2026",
        "contraseña1234",
        "micontraseña1",
        "estudiante1234",
        "teamomucho12",
        "programacion123",
        "Medellin2024*",
        "Bogota2025!!!",
        "profesor.2026",
        "amorcito12345",
        "1qaz2wsx3edc",
        "999888777666",
        "ana@uniandes.edu.co",
        "with\0a nul inside",
        "correct horse " * 6,
        "corréct hórse ñandú " * 3 + "battery!",
    ],
)
def test_a_weak_password_is_refused(ctx: Context, password: str) -> None:
    with pytest.raises(WeakPassword):
        accounts.register(ctx, email=EMAIL, password=password)


@pytest.mark.parametrize(
    "password", ["cuatro caballos azules", "g7#kQz!pL2vM", "mellevaelrio83lento", "ñandú-verde-come-arroz"]
)
def test_a_password_that_nobody_would_try_is_accepted(ctx: Context, password: str) -> None:
    accounts.register(ctx, email=EMAIL, password=password)

    assert sign_in(ctx, password) == ""


def test_an_account_is_registered_once_and_for_our_domains_only(ctx: Context) -> None:
    accounts.register(ctx, email="New@uniandes.edu.co", password=PASSWORD, full_name=" New ")

    with pytest.raises(NameTaken):
        accounts.register(ctx, email="new@uniandes.edu.co", password=PASSWORD)
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
            accounts.register(ctx, email=email, password=PASSWORD)
    assert sign_in(ctx, email="new@uniandes.edu.co") == ""


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

    with pytest.raises(TooManyAttempts):
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
