"""Passwords: what is accepted, and how guesses are slowed down."""

from __future__ import annotations

import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from itsdangerous import TimestampSigner
from sqlalchemy import select, update
from streamlit_authenticator.utilities.hasher import Hasher

from core.context import PLATFORM, Actor, Context
from core.errors import (
    SlowDown,
    UlosError,
    WeakPassword,
)
from core.models import SignInFailure, User
from core.services import accounts
from core.services.accounts import hashing
from tests import builders
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
    builders.registered(ctx, EMAIL, PASSWORD)
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


def test_failures_of_others_keep_the_owner_out_of_nothing(ctx: Context, ana: Actor) -> None:
    failed = [sign_in(ctx, f"guess {n}", address=f"10.0.{n}.1") for n in range(60)]

    assert failed == ["WrongCredentials"] * 60
    assert sign_in(ctx, address="10.9.9.9") == "", "from an address of their own"


def test_after_five_failures_a_client_waits_longer_each_time_and_a_minute_at_most(
    ctx: Context, ana: Actor, clock: Clock
) -> None:
    waits: list[int] = []
    for _ in range(13):
        while (problem := sign_in(ctx, "wrong")) == "SlowDown":
            clock.advance(seconds=1)
            waits[-1] += 1
        assert problem == "WrongCredentials"
        waits.append(0)

    assert waits[:-1] == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    clock.advance(seconds=60)
    assert sign_in(ctx) == "", "slowed down, never locked out"


def test_the_wait_is_told_in_seconds(ctx: Context, ana: Actor, clock: Clock) -> None:
    for _ in range(5):
        sign_in(ctx, "wrong")
    clock.advance(seconds=0.4)

    with pytest.raises(SlowDown) as caught:
        accounts.sign_in(ctx, email=EMAIL, password=PASSWORD, address="10.0.0.1")

    assert caught.value.values == {"seconds": 1}


def test_guesses_at_the_same_moment_get_no_further_than_guesses_in_a_row(ctx: Context, ana: Actor) -> None:
    slow_down(ctx)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: sign_in(ctx, f"guess {n}"), range(24)))

    assert outcomes.count("WrongCredentials") == 5
    assert outcomes.count("SlowDown") == 19


def test_a_known_device_is_spared_what_others_fail_behind_the_same_address(ctx: Context, ana: Actor) -> None:
    device = accounts.remember_device(ctx, "", ana.user_id or 0)
    for _ in range(5):
        sign_in(ctx, "wrong")

    assert sign_in(ctx) == "SlowDown"
    assert sign_in(ctx, device=device) == ""
    assert sign_in(ctx) == "SlowDown", "and does not forget what others failed"


def test_a_known_device_has_no_more_guesses_than_others(ctx: Context, ana: Actor) -> None:
    device = accounts.remember_device(ctx, "", ana.user_id or 0)

    outcomes = [sign_in(ctx, "wrong", device=device) for _ in range(6)]

    assert outcomes == ["WrongCredentials"] * 5 + ["SlowDown"]


@pytest.mark.parametrize("cookie", ["", "forged", "of another person", "too old"])
def test_a_device_is_known_by_a_cookie_of_ours_only(
    ctx: Context, ana: Actor, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {
        "of another person": accounts.remember_device(ctx, "", (ana.user_id or 0) + 1),
        "too old": accounts.remember_device(ctx, "", ana.user_id or 0),
    }
    if cookie == "too old":
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time() + 181 * 86_400))
    for _ in range(5):
        sign_in(ctx, "wrong")

    assert sign_in(ctx, device=made.get(cookie, cookie)) == "SlowDown"


def test_a_browser_is_known_for_each_person_who_signed_in_with_it(ctx: Context, ana: Actor) -> None:
    eve = accounts.ensure_person(ctx, PLATFORM, email="eve@uniandes.edu.co", full_name="", password_hash=HASH)
    device = accounts.remember_device(ctx, accounts.remember_device(ctx, "", ana.user_id or 0), eve)
    for email in (EMAIL, "eve@uniandes.edu.co"):
        for _ in range(5):
            sign_in(ctx, "wrong", email)

    assert [sign_in(ctx, email=email, device=device) for email in (EMAIL, "eve@uniandes.edu.co")] == ["", ""]


@pytest.mark.parametrize(
    "attack",
    [(50, EMAIL, "10.0.1.{}"), (100, "u{}@uniandes.edu.co", "10.0.0.1")],
    ids=["an account", "an address"],
)
def test_many_failures_in_total_leave_unknown_clients_one_failure(
    ctx: Context, ana: Actor, clock: Clock, attack: tuple[int, str, str]
) -> None:
    count, email, address = attack
    device = accounts.remember_device(ctx, "", ana.user_id or 0)
    with ctx.db.transaction() as session:
        session.add_all(
            SignInFailure(email=email.format(n), address=address.format(n), at=clock()) for n in range(count)
        )

    assert [sign_in(ctx, "wrong") for _ in range(2)] == ["WrongCredentials", "SlowDown"]
    assert [sign_in(ctx, "wrong", device=device) for _ in range(2)] == ["WrongCredentials"] * 2
    clock.advance(seconds=1)
    assert sign_in(ctx) == ""


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
        session.add_all(
            SignInFailure(email=EMAIL, address="10.0.0.1", at=clock(), under_way=True) for _ in range(11)
        )
    clock.advance(seconds=31)

    assert sign_in(ctx) == "SlowDown"


def test_signing_in_forgets_the_failures_before_it(ctx: Context, ana: Actor) -> None:
    for _ in range(3):
        assert [sign_in(ctx, "wrong") for _ in range(4)] == ["WrongCredentials"] * 4
        assert sign_in(ctx) == ""


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
        builders.registered(ctx, EMAIL, password)


@pytest.mark.parametrize(
    "password", ["cuatro caballos azules", "g7#kQz!pL2vM", "mellevaelrio83lento", "ñandú-verde-come-arroz"]
)
def test_a_password_that_nobody_would_try_is_accepted(ctx: Context, password: str) -> None:
    builders.registered(ctx, EMAIL, password)

    assert sign_in(ctx, password) == ""


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "ñandú-verde-come-arroz") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("chosen", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_password_is_the_same_composed_and_decomposed(ctx: Context, chosen: str, typed: str) -> None:
    builders.registered(ctx, EMAIL, chosen)

    assert sign_in(ctx, typed) == ""
    assert sign_in(ctx, chosen) == ""


def test_all_spaces_of_a_password_are_the_same(ctx: Context) -> None:
    builders.registered(ctx, EMAIL, "cuatro\u00a0caballos\u2003azules")

    assert sign_in(ctx, "cuatro caballos azules") == ""


def test_a_hash_of_a_password_as_it_was_typed_is_accepted_and_renewed(ctx: Context, ana: Actor) -> None:
    old = bcrypt.hashpw(DECOMPOSED.encode(), bcrypt.gensalt(4)).decode()
    with ctx.db.transaction() as session:
        session.execute(update(User).values(password_hash=old))

    assert sign_in(ctx, DECOMPOSED) == ""
    with ctx.db.transaction() as session:
        assert session.scalars(select(User.password_hash)).one() != old
    assert [sign_in(ctx, form) for form in (COMPOSED, DECOMPOSED)] == ["", ""]
