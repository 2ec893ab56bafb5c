"""Five hundred students hand in at the same moment, over HTTP, against one process of the endpoint.

    python bench/loadtest.py [students]

The figures are when the first, the median and the last of them was accepted, beside the same number of
requests to a route that does nothing. Afterwards each accepted submission is looked up: row, original
and message. Goal: the last one accepted in less than 10 s, no error.
"""

from __future__ import annotations

import asyncio
import io
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
from installation import servers, serving  # beside this file; it finds the project

from core.context import PLATFORM, Actor, Context
from core.demo import samples
from core.services import accounts, assignments, courses, definitions, monitoring, submissions
from core.services.assignments import AssignmentDraft
from core.services.definitions import DefinitionDraft, StageDraft
from core.services.monitoring import Scope
from core.services.submissions import TaskFilter
from core.vocabulary import Role

Timed = tuple[int, float]
"""HTTP status and seconds since all began."""

Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def prepare(ctx: Context, students: int) -> tuple[int, list[str]]:
    """An open assignment and a token for each student."""
    hashed = accounts.hash_password("four blue horses run")
    course_id = courses.create_course(ctx, PLATFORM, name="Rush")

    def member(name: str, role: Role) -> int:
        email = f"{name}@uniandes.edu.co"
        person = accounts.ensure_person(ctx, PLATFORM, email=email, full_name=name, password_hash=hashed)
        courses.enrol(ctx, PLATFORM, course_id, person, role)
        return person

    professor = Actor(user_id=member("teacher", Role.PROFESSOR))
    stage = StageDraft("PARSING", "true", "parse", "image.tar.gz")
    draft = DefinitionDraft("Rush", [stage])
    definition = definitions.create_definition(ctx, professor, draft, {"image.tar.gz": io.BytesIO(b"image")})
    now = ctx.now()
    opened = assignments.create_assignment(
        ctx,
        professor,
        course_id,
        AssignmentDraft("Rush", definition.id, now - timedelta(hours=1), now + timedelta(hours=1)),
    )
    people = [member(f"s{number}", Role.STUDENT) for number in range(students)]
    return opened.id, [accounts.issue_api_token(ctx, person) for person in people]


async def at_once(url: str, asks: list[Ask]) -> list[Timed]:
    """Send everything at the same moment, each over a connection of its own."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as client:
        began = time.perf_counter()

        async def one(ask: Ask) -> Timed:
            answer = await ask(client)
            return answer.status_code, time.perf_counter() - began

        return list(await asyncio.gather(*(one(ask) for ask in asks)))


def show(name: str, timed: list[Timed]) -> None:
    """One line: the first, the median and the last answer, and the statuses."""
    seconds = sorted(took for _, took in timed)
    figures = "  ".join(f"{value:7.2f}" for value in (seconds[0], statistics.median(seconds), seconds[-1]))
    print(f"{name:28} {figures} s (first, median, last)  {dict(Counter(status for status, _ in timed))}")


def count_whole(ctx: Context, assignment_id: int, content: bytes) -> int:
    """How many of the assignment's originals are `content`, byte for byte."""
    wanted, cursor, whole = TaskFilter(assignment_id=assignment_id), None, 0
    while True:
        page = submissions.list_tasks(ctx, PLATFORM, wanted, cursor=cursor, limit=200)
        for row in page.items:
            original = b"".join(submissions.open_original(ctx, PLATFORM, row.id).pieces)
            whole += original == content
        cursor = page.next_cursor
        if cursor is None:
            return whole


def main(students: int) -> None:
    """Measure, and look every accepted submission up."""
    content = samples.gcode_good()
    with (
        tempfile.TemporaryDirectory() as name,
        servers(Path(name)) as ctx,
        serving(ctx, "api.app:app") as (url, _),
    ):
        assignment_id, tokens = prepare(ctx, students)

        def hand_in(token: str) -> Ask:
            return lambda client: client.post(
                f"/assignments/{assignment_id}/submit",
                files={"file": ("work.zip", content)},
                headers={"Authorization": f"Bearer {token}"},
            )

        show("a route that does nothing", asyncio.run(at_once(url, [lambda c: c.get("/healthz")] * students)))
        show(f"{students} submissions", asyncio.run(at_once(url, [hand_in(token) for token in tokens])))
        figures = monitoring.summarise(ctx, PLATFORM, Scope(assignment_id=assignment_id))
        whole = count_whole(ctx, assignment_id, content)
        print(f"accepted: {figures.waiting} rows, {figures.outbox} messages, {whole} whole originals")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
