"""How long a change takes to the screen while two hundred students watch, and what watching costs.

It starts Postgres, the file server and the dashboard, which gets one core, and opens as many viewers
as asked for: each a session of Streamlit on *My work* with its socket to `/live`, speaking what a
browser speaks. Then: all idle; one change at a time; a change for every viewer at once.

    python bench/live.py [viewers] [changes]
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import websockets
from installation import servers, serving  # beside this file; it finds the project
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.services import accounts, assignments, courses, definitions, reports, submissions
from core.services.assignments import AssignmentDraft
from core.services.definitions import DefinitionDraft, StageDraft
from core.vocabulary import Role
from dashboard import process

IDLE_SECONDS = 20.0
LONGEST_SECONDS = 30.0
AT_ONCE = 10
"""Viewers that open their page at the same time, in the beginning."""


@dataclass(eq=False)
class Viewer:
    """One student with an open page. Times are `time.perf_counter()`."""

    url: str
    actor: Actor
    task_id: int
    token: str
    heard_at: float = 0.0
    drawn_at: float = 0.0
    parts: dict[str, str] = field(default_factory=dict)
    seen: dict[str, object] = field(default_factory=dict)
    drawn: asyncio.Event = field(default_factory=asyncio.Event)
    followed: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        """Draw the page for the first time and follow what it shows."""
        headers = {"Cookie": f"{process.SESSION_COOKIE}={self.token}", "Origin": self.url}
        base = self.url.replace("http", "ws")
        self.page = await websockets.connect(
            f"{base}/_stcore/stream",
            additional_headers=headers,
            subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=None,
        )
        self.reading = asyncio.create_task(self._read())
        await self._run(BackMsg(rerun_script={"page_name": "my_work"}))
        while "id" not in self.parts:
            await asyncio.wait_for(self._next(), LONGEST_SECONDS)
        self.line = await websockets.connect(f"{base}/live", additional_headers=headers)
        await self.line.send(json.dumps({"person": self.actor.user_id, "follow": self._topics()}))
        self.hearing = asyncio.create_task(self._hear())

    def _topics(self) -> list[str]:
        return [f"task:{self.task_id}"]

    async def _run(self, message: BackMsg) -> None:
        await self.page.send(message.SerializeToString())

    async def _next(self) -> None:
        self.drawn.clear()
        await self.drawn.wait()

    async def _read(self) -> None:
        async for raw in self.page:
            assert isinstance(raw, bytes)  # noqa: S101  Streamlit speaks in bytes
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.parts["page"] = message.new_session.page_script_hash
            elif kind == "delta" and message.delta.new_element.HasField("bidi_component"):
                self._note(message)
            elif kind == "script_finished":
                self.drawn_at = time.perf_counter()
                self.drawn.set()

    def _note(self, message: ForwardMsg) -> None:
        """Remember the component that keeps the socket, and up to where its part is drawn."""
        component = message.delta.new_element.bidi_component
        data = json.loads(component.json or component.mixed.json or "{}")
        if component.component_name == "ulos_live" and data.get("topics") == self._topics():
            self.parts |= {"id": component.id, "fragment": message.delta.fragment_id}
            self.seen = data["seen"]

    async def _hear(self) -> None:
        """As the component does: draw the part again when it is older than what is told."""
        async for raw in self.line:
            told = json.loads(raw)
            if max(told["versions"].values(), default=0) > self.seen["number"]:
                self.heard_at = time.perf_counter()
                await self._redraw()
                await asyncio.wait_for(self._next(), LONGEST_SECONDS)
                self.followed.set()

    async def _redraw(self) -> None:
        widget = f"$$STREAMLIT_INTERNAL_KEY_{self.parts['id']}__events"
        trigger = json.dumps([{"event": "changed", "value": self.heard_at}])
        message = BackMsg()
        message.rerun_script.page_script_hash = self.parts["page"]
        message.rerun_script.fragment_id = self.parts["fragment"]
        message.rerun_script.widget_states.widgets.append(WidgetState(id=widget, json_trigger_value=trigger))
        await self._run(message)

    async def close(self) -> None:
        """Leave the page."""
        for task in (self.hearing, self.reading):
            task.cancel()
        await asyncio.gather(self.line.close(), self.page.close())


async def measure(ctx: Context, viewers: list[Viewer], changes: int, pid: int) -> None:
    """Open all, then print one line for each of the three situations."""
    for start in range(0, len(viewers), AT_ONCE):
        await asyncio.gather(*(viewer.open() for viewer in viewers[start : start + AT_ONCE]))
    await asyncio.sleep(2)
    began = cpu_seconds(pid)
    await asyncio.sleep(IDLE_SECONDS)
    print(f"{len(viewers)} idle viewers: {(cpu_seconds(pid) - began) / IDLE_SECONDS:.1%} of a core")
    began = cpu_seconds(pid)
    chosen = random.choices(viewers, k=changes)  # noqa: S311  no secret
    report("one change at a time", [await change(ctx, viewer) for viewer in chosen])
    print(f"  {(cpu_seconds(pid) - began) / changes * 1000:.0f} ms of CPU each")
    began = cpu_seconds(pid)
    report("one for each viewer at once", await asyncio.gather(*(change(ctx, viewer) for viewer in viewers)))
    print(f"  {(cpu_seconds(pid) - began) / len(viewers) * 1000:.0f} ms of CPU each")
    await asyncio.gather(*(viewer.close() for viewer in viewers))


async def change(ctx: Context, viewer: Viewer) -> tuple[float, float]:
    """Seconds from before the report until the browser is told, and until its part is drawn."""
    viewer.followed.clear()
    began = time.perf_counter()
    await asyncio.to_thread(reports.add_task_log, ctx, ORCHESTRATOR, viewer.task_id, "a line")
    await asyncio.wait_for(viewer.followed.wait(), LONGEST_SECONDS)
    return viewer.heard_at - began, viewer.drawn_at - began


def report(name: str, took: list[tuple[float, float]]) -> None:
    """Median, 95th percentile and longest, to the message and to the screen."""
    for column, what in enumerate(("told", "drawn")):
        ordered = sorted(pair[column] for pair in took)
        figures = (ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)], ordered[-1])
        print(f"{name}, {what}: {' '.join(f'{value * 1000:6.0f}' for value in figures)} ms (p50, p95, max)")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, as the kernel counts it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prepare(ctx: Context, url: str, count: int) -> list[Viewer]:
    """A course of students, each with a submission and a session."""
    teacher = _person(ctx, "teacher")
    course = courses.create_course(ctx, PLATFORM, name="Bench")
    courses.enrol(ctx, PLATFORM, course, teacher.user_id or 0, Role.PROFESSOR)
    stage = StageDraft(
        stage_name="PARSING", run_command="true", container_name="c", container_filename="i.tar.gz"
    )
    made = definitions.create_definition(
        ctx, teacher, DefinitionDraft("Bench", [stage]), {"i.tar.gz": io.BytesIO(b"image")}
    )
    day = timedelta(days=1)
    draft = AssignmentDraft("Bench", made.id, ctx.now() - day, ctx.now() + day)
    assignment = assignments.create_assignment(ctx, teacher, course, draft)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("main.gcode", "G28")
    viewers = []
    for number in range(count):
        actor = _person(ctx, f"s{number}")
        courses.enrol(ctx, PLATFORM, course, actor.user_id or 0, Role.STUDENT)
        task = submissions.submit(
            ctx, actor, assignment.id, archive, file_name="a.zip", submit_key=f"bench-{number}"
        )
        ticket = accounts.open_ticket(ctx, actor.user_id or 0, nonce="bench")
        token = accounts.redeem_ticket(ctx, ticket=ticket, nonce="bench", user_agent="bench")
        viewers.append(Viewer(url, actor, task.task_id, token))
    return viewers


def _person(ctx: Context, name: str) -> Actor:
    email = f"{name}@uniandes.edu.co"
    return Actor(accounts.ensure_person(ctx, PLATFORM, email=email, full_name=name, password_hash="x"))  # noqa: S106  nobody signs in with it


def main(viewers: int, changes: int) -> None:
    """Measure and print."""
    one = min(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory() as name,
        servers(Path(name)) as ctx,
        serving(ctx, "dashboard.asgi:app", core=one) as (url, pid),
    ):
        asyncio.run(measure(ctx, prepare(ctx, url, viewers), changes, pid))
        print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(*(int(given) for given in (sys.argv[1:] + ["200", "60"][len(sys.argv) - 1 :])))
