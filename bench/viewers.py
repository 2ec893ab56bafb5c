"""What people wait for, and what the dashboard's process spends, while twenty look at screens at once.

    python bench/viewers.py                            at 10,000 and 1,000,000 submissions: some 7 GB
    python bench/viewers.py --folder /var/tmp/million  keeps the rows, the same as those of million.py
    python bench/viewers.py --viewers 40 --sizes 10000
    python bench/viewers.py --viewers 0                one screen after the other, no crowd

Each viewer is a session of Streamlit over a socket of its own, speaking what a browser speaks: it opens
one of the screens and draws it again and again, whole, with pauses for thought in between. Before that
each screen is drawn by one viewer alone: what it costs by itself, in the dashboard and in Postgres.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics as numbers
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import websockets
from installation import serving  # beside this file, as are the next two; it finds the project
from live import cpu_seconds
from million import world
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.context import Context
from core.services import accounts
from dashboard import process

TEACHER, ADMIN = 1, 2
SCREENS = (
    (TEACHER, "monitoring", "view=failures&window=720"),
    (TEACHER, "monitoring", "view=requeues&window=24"),
    (TEACHER, "monitoring", "view=times&window=8760"),
    (TEACHER, "submissions", ""),
    (TEACHER, "submissions", "view=students"),
    (TEACHER, "assignments", ""),
    (ADMIN, "monitoring", "view=failures&window=all"),
    (ADMIN, "monitoring", "view=requeues&window=8760"),
    (ADMIN, "monitoring", "view=times&window=24"),
    (ADMIN, "admin", ""),
)
ALONE = 15
"""How often each screen is drawn by itself."""

THOUGHT_SECONDS = (2.0, 8.0)
LONGEST_SECONDS = 60.0


@dataclass(eq=False)
class Viewer:
    """One person before one screen. `took`: seconds from each demand until all of the answer was there."""

    url: str
    token: str
    page: str
    query: str
    took: list[float] = field(default_factory=list)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    problem: str = ""

    def __str__(self) -> str:
        return f"/{self.page}?{self.query}"

    async def open(self) -> None:
        """Draw the screen for the first time, which does not count."""
        self.socket = await websockets.connect(
            f"{self.url.replace('http', 'ws')}/_stcore/stream",
            additional_headers={"Cookie": f"{process.SESSION_COOKIE}={self.token}", "Origin": self.url},
            subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=None,
        )
        self.reading = asyncio.create_task(self._read())
        await self.draw()
        self.took.clear()

    async def draw(self) -> None:
        """Have the screen drawn, and wait until it is."""
        self.finished.clear()
        begun = time.perf_counter()
        message = BackMsg(rerun_script={"page_name": self.page, "query_string": self.query})
        await self.socket.send(message.SerializeToString())
        await asyncio.wait_for(self.finished.wait(), LONGEST_SECONDS)
        self.took.append(time.perf_counter() - begun)
        if self.problem:
            raise RuntimeError(f"{self}: {self.problem}")

    async def look(self, until: float) -> None:
        """Draw, think, draw, until that moment of `time.perf_counter`."""
        await asyncio.sleep(random.uniform(0, THOUGHT_SECONDS[1]))  # noqa: S311  no secret
        while time.perf_counter() < until:
            await self.draw()
            await asyncio.sleep(random.uniform(*THOUGHT_SECONDS))  # noqa: S311  no secret

    async def _read(self) -> None:
        async for raw in self.socket:
            assert isinstance(raw, bytes)  # noqa: S101  Streamlit speaks in bytes
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.new_element.HasField("exception"):
                self.problem = message.delta.new_element.exception.message
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.finished.set()

    async def close(self) -> None:
        """Leave."""
        self.reading.cancel()
        await self.socket.close()


async def cost(viewers: list[Viewer], pid: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of CPU for each screen, drawn by itself: of the dashboard, and of Postgres."""
    found = {}
    for viewer in viewers[: len(SCREENS)]:
        await viewer.open()
        await viewer.draw()
        ours, theirs = cpu_seconds(pid), _postgres_seconds()
        for _ in range(ALONE):
            await viewer.draw()
        spent = (cpu_seconds(pid) - ours, _postgres_seconds() - theirs)
        found[str(viewer)] = (1000 * spent[0] / ALONE, 1000 * spent[1] / ALONE)
        await viewer.close()
    return found


def _postgres_seconds() -> float:
    """CPU time of the server that this program has started, with all its processes that have ended."""
    total = 0.0
    for one in psutil.Process().children(recursive=True):
        if one.name() == "postgres":
            total += sum(one.cpu_times()[: 4 if one.ppid() == os.getpid() else 2])
    return total


async def watch(viewers: list[Viewer], seconds: float, pid: int) -> float:
    """Let all look for so long; CPU milliseconds of the dashboard for each screen that was drawn."""
    for viewer in viewers:
        await viewer.open()
    began = cpu_seconds(pid)
    until = time.perf_counter() + seconds
    await asyncio.gather(*(viewer.look(until) for viewer in viewers))
    spent = cpu_seconds(pid) - began
    await asyncio.gather(*(viewer.close() for viewer in viewers))
    return 1000 * spent / sum(len(viewer.took) for viewer in viewers)


def _enter(ctx: Context, url: str, count: int) -> list[Viewer]:
    """As many signed-in viewers, one screen after the other."""
    found = []
    for number in range(count):
        person, page, query = SCREENS[number % len(SCREENS)]
        ticket = accounts.open_ticket(ctx, person, nonce="bench")
        token = accounts.redeem_ticket(ctx, ticket=ticket, nonce="bench", user_agent="bench")
        found.append(Viewer(url, token, page, query))
    return found


def _report(viewers: list[Viewer], spent: float) -> None:
    """Print what each screen took, and all of them together, in milliseconds."""
    by_screen: dict[str, list[float]] = defaultdict(list)
    for viewer in viewers:
        by_screen[str(viewer)] += [1000 * one for one in viewer.took]
    for name, taken in by_screen.items():
        print(
            f"  {name:44} {len(taken):4} times   median {numbers.median(taken):6.0f}   max {max(taken):6.0f}"
        )
    slowest = numbers.quantiles([one for taken in by_screen.values() for one in taken], n=20)[-1]
    print(f"  p95 {slowest:.0f} ms; CPU of the dashboard {spent:.0f} ms for each time", flush=True)


def main() -> None:
    """Read the command line, fill, look, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    arguments = parser.parse_args()
    costs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        for tasks in arguments.sizes:
            with (
                world(arguments.folder or Path(temporary), tasks) as ctx,
                serving(ctx, "dashboard.asgi:app") as (url, pid),
            ):
                alone = asyncio.run(cost(_enter(ctx, url, len(SCREENS)), pid))
                for name, one in alone.items():
                    costs[name].append(one)
                if arguments.viewers:
                    viewers = _enter(ctx, url, arguments.viewers)
                    spent = asyncio.run(watch(viewers, arguments.seconds, pid))
                    print(f"{tasks} submissions, {len(viewers)} viewers; load {os.getloadavg()[0]:.1f}")
                    _report(viewers, spent)
    print(
        f"CPU in ms (dashboard + Postgres) at {arguments.sizes}, one viewer, and the ratio of last to first"
    )
    for name, found in costs.items():
        shown = "   ".join(f"{ours:4.0f} + {theirs:4.0f}" for ours, theirs in found)
        print(f"  {name:44} {shown}   {sum(found[-1]) / sum(found[0]):5.2f} x")


if __name__ == "__main__":
    main()
