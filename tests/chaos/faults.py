"""Carries out the faults of a schedule against a world."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from tests.chaos.installation import send
from tests.chaos.schedule import Action, Fault, Schedule, Target
from tests.chaos.world import World

SLOWEST_SECONDS = 0.3
"""Delay of each piece of data on the slowest connection."""

LONGEST_BYTES = 20_000
"""Bytes that still pass before a connection is cut, at most."""

Undo = Callable[[], None]


def run_faults(world: World, schedule: Schedule, started: float) -> list[str]:
    """Begin and end each fault of `schedule` in its time; return what did not work.

    `started`: the `time.monotonic()` of the beginning. When this returns, no fault is left.
    """
    problems: list[str] = []

    def run(fault: Fault) -> None:
        try:
            _wait_until(started + fault.at)
            undo = begin(world, fault)
            _wait_until(started + fault.end)
            undo()
        except Exception as error:  # noqa: BLE001  whatever it is, the round must say so
            problems.append(f"{fault}: {error!r}")

    everything = [fault for fault in schedule.faults if fault.target is Target.EVERYTHING]
    others = [fault for fault in schedule.faults if fault.target is not Target.EVERYTHING]
    list(world.hands.map(run, others))
    list(world.hands.map(run, everything))
    return problems


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def begin(world: World, fault: Fault) -> Undo:
    """Begin `fault`; return what ends it."""
    target = fault.target
    match fault.action:
        case Action.KILL:
            world.kill(target)
            return lambda: world.revive(target)
        case Action.STOP:
            pids = world.pids(target)
            send(pids, signal.SIGSTOP)
            return lambda: send(pids, signal.SIGCONT)
        case Action.FILL:
            world.disks[target].fill()
            return world.disks[target].free
        case Action.SLOW:
            world.proxies[target].slow(fault.strength * SLOWEST_SECONDS)
        case Action.CUT:
            world.proxies[target].cut(int(fault.strength * LONGEST_BYTES))
        case Action.LOSE:
            world.proxies[target].lose_answers()
        case Action.REFUSE:
            world.proxies[target].refuse()
    return world.proxies[target].heal
