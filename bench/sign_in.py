"""How other requests fare while five hundred people sign in within a minute and a list is imported.

It starts Postgres, the file server and the API as a process of its own, and asks for `/users/me`
all the while: alone, during the rush, during an import of a thousand. Two figures of the rush
matter: how long a sign-in takes, and the 95th percentile of `/users/me` against the quiet one.

    python bench/sign_in.py [people] [seconds]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from installation import servers, serving  # beside this file; it finds the project

from core.context import PLATFORM, Context
from core.services import accounts, courses
from core.vocabulary import Role

PASSWORD = "four blue horses run"  # noqa: S105  of accounts that live for a minute
EVERY = 0.05
LISTS, ROWS = 8, 1_000
QUIET_SECONDS = 10.0


def main(people: int, seconds: float) -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as name,
        servers(Path(name)) as ctx,
        serving(ctx, "api.app:app") as (url, _),
    ):
        prepare(ctx, people)
        token = accounts.issue_api_token(ctx, accounts.find_person_id(ctx, "teacher@uniandes.edu.co"))
        client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120)
        course = client.get("/courses").json()[0]["id"]
        report("quiet", during(client, lambda: time.sleep(QUIET_SECONDS)))
        took: list[float] = []
        report(
            f"{people} sign-ins in {seconds:.0f} s", during(client, lambda: rush(url, people, seconds, took))
        )
        report("  each sign-in", took)
        began = time.perf_counter()
        lists = range(LISTS)
        report("imports of 1,000", during(client, lambda: [upload(client, course, part) for part in lists]))
        print(f"{'  each import':32} {(time.perf_counter() - began) / LISTS:8.2f} s")


def rush(url: str, people: int, seconds: float, took: list[float]) -> None:
    """Everybody signs in once, evenly over the time."""
    began = time.perf_counter()

    def sign_in(number: int) -> None:
        time.sleep(max(0.0, began + number * seconds / people - time.perf_counter()))
        start = time.perf_counter()
        body = {"email": f"s{number}@uniandes.edu.co", "password": PASSWORD}
        httpx.post(f"{url}/auth/login", json=body, timeout=120).raise_for_status()
        took.append(time.perf_counter() - start)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(sign_in, range(people)))


def upload(client: httpx.Client, course: int, part: int) -> None:
    """A thousand new people."""
    rows = "".join(f"{n},Apellido,Nombre,p{part}n{n}@uniandes.edu.co\n" for n in range(ROWS))
    file = {"file": ("list.csv", f"ID de alumno,Apellidos,Nombres,Email\n{rows}")}
    answer = client.post(f"/courses/{course}/upload_students", files=file).raise_for_status().json()
    assert answer["created"] == ROWS, answer  # noqa: S101  a figure of something else would be wrong


def during(client: httpx.Client, act: object) -> list[float]:
    """Seconds of each `/users/me` while `act` runs."""
    assert callable(act)  # noqa: S101  tells the type
    done, took = threading.Event(), []

    def ask() -> None:
        with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=60) as own:
            while not done.is_set() or not took:
                start = time.perf_counter()
                own.get("/users/me").raise_for_status()
                took.append(time.perf_counter() - start)
                time.sleep(EVERY)

    asking = threading.Thread(target=ask)
    asking.start()
    act()
    done.set()
    asking.join()
    return took


def report(name: str, took: list[float]) -> None:
    """One line: median, 95th percentile, longest."""
    ordered = sorted(took)
    p95 = ordered[int(len(ordered) * 0.95)] if len(ordered) > 1 else ordered[0]
    figures = "  ".join(f"{value * 1000:8.1f}" for value in (statistics.median(ordered), p95, ordered[-1]))
    print(f"{name:32} {figures} ms (p50, p95, max; n={len(ordered)})")


def prepare(ctx: Context, people: int) -> None:
    """Accounts that share a hash, in a course with a professor."""
    hashed = accounts.hash_password(PASSWORD)
    course = courses.create_course(ctx, PLATFORM, name="Bench")
    for name in ("teacher", *(f"s{number}" for number in range(people))):
        person = accounts.ensure_person(
            ctx, PLATFORM, email=f"{name}@uniandes.edu.co", full_name=name, password_hash=hashed
        )
        courses.enrol(ctx, PLATFORM, course, person, Role.PROFESSOR if name == "teacher" else Role.STUDENT)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, float(sys.argv[2]) if len(sys.argv) > 2 else 60.0)  # noqa: PLR2004
