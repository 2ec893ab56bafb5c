"""What a round does and when: the seed decides all of it before anything runs."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """How the installation is set up."""

    EMBEDDED = "embedded"
    """`core up` with nothing configured: its own Postgres, FTP server, queue and runner."""
    EXTERNAL = "external"
    """`core up` beside Postgres, vsftpd, RabbitMQ and two stand-in nodes."""


class Target(StrEnum):
    """What a fault hits."""

    API = "api"
    DASHBOARD = "dashboard"
    WORKER = "worker"
    RUNNER = "runner"
    PARSING_NODE = "parsing node"
    EXECUTION_NODE = "execution node"
    POSTGRES = "postgres"
    FTP = "ftp"
    BROKER = "broker"
    EVERYTHING = "everything"


class Action(StrEnum):
    """What a fault does."""

    KILL = "kill"
    STOP = "stop"
    SLOW = "slow"
    CUT = "cut"
    REFUSE = "refuse"
    LOSE = "lose"
    FILL = "fill"


_OWN = (Target.API, Target.DASHBOARD, Target.WORKER)
_PROCESSES = {
    Kind.EMBEDDED: (*_OWN, Target.RUNNER, Target.POSTGRES, Target.FTP),
    Kind.EXTERNAL: (
        *_OWN,
        Target.PARSING_NODE,
        Target.EXECUTION_NODE,
        Target.POSTGRES,
        Target.FTP,
        Target.BROKER,
    ),
}
_CONNECTIONS = {
    Kind.EMBEDDED: (Target.API,),
    Kind.EXTERNAL: (Target.API, Target.POSTGRES, Target.FTP, Target.BROKER),
}
_DISKS = (Target.POSTGRES, Target.FTP)

LEAST, MOST = 20, 60
"""Submissions of a round."""

STUDENTS = 8
_SECONDS_PER_SUBMISSION = 0.15
_GAP = 0.2
"""Seconds between two faults that hit the same target."""

_KILLS_EVERYTHING = 0.15
"""Share of rounds in which the whole set is killed and started again."""


@dataclass(frozen=True)
class Fault:
    """Something goes wrong at `at` and is over after `seconds`, both from the start of the round.

    `strength` goes from 0 to 1: how slow a connection is, how soon it is cut.
    """

    at: float
    seconds: float
    action: Action
    target: Target
    strength: float

    @property
    def end(self) -> float:
        return self.at + self.seconds

    def __str__(self) -> str:
        return f"{self.at:5.2f} s  {self.action} {self.target} for {self.seconds:.2f} s ({self.strength:.2f})"


@dataclass(frozen=True)
class Submission:
    """One student hands in once, and the orchestrator reports about it."""

    number: int
    at: float
    student: int
    sample: int
    """Which archive: an index, taken modulo the number of samples."""
    padding: int
    """Bytes of noise in the archive."""
    tries: int
    """How often it is sent until the client gives up; 0: until it is answered."""
    copies: int
    """How often it is sent again under the same key after it was answered."""
    is_played: bool
    """External only: the test plays the orchestrator over HTTP; else a node takes it."""
    passes: bool
    """Of a played one: how its last stage ends."""
    logs: int
    requeues: int
    twice: bool
    """Each report is sent again under the same key after it was answered."""


@dataclass(frozen=True)
class Schedule:
    """A round."""

    seed: int
    kind: Kind
    submissions: tuple[Submission, ...]
    faults: tuple[Fault, ...]

    @property
    def seconds(self) -> float:
        """When the last submission has begun and the last fault is over."""
        return max([one.at for one in self.submissions] + [fault.end for fault in self.faults])

    def without_faults(self) -> Schedule:
        """Return the same load with nothing going wrong."""
        return replace(self, faults=())

    def __str__(self) -> str:
        lines = [f"seed {self.seed}, {self.kind}, {len(self.submissions)} submissions"]
        return "\n  ".join([*lines, *map(str, self.faults)])


def make_schedule(
    seed: int, kind: Kind, *, most: int = MOST, without: Collection[Action] = frozenset()
) -> Schedule:
    """Return the round of `seed`, with `LEAST` to `most` submissions and no action in `without`."""
    dice = random.Random(f"{seed} {kind}")  # noqa: S311  dice
    count = dice.randint(LEAST, most)
    seconds = count * _SECONDS_PER_SUBMISSION
    submissions = [_submission(dice, number, seconds) for number in range(count)]
    faults = _faults(dice, kind, seconds)
    return Schedule(
        seed,
        kind,
        tuple(sorted(submissions, key=lambda one: one.at)),
        tuple(fault for fault in faults if fault.action not in without),
    )


def _submission(dice: random.Random, number: int, seconds: float) -> Submission:
    return Submission(
        number=number,
        at=dice.uniform(0, seconds),
        student=dice.randrange(STUDENTS),
        sample=dice.randrange(1000),
        padding=dice.choice((0, 0, 2_000, 200_000)),
        tries=dice.choice((0, 0, 0, 1, 2)),
        copies=dice.choice((0, 0, 1, 2)),
        is_played=dice.random() < 0.5,
        passes=dice.random() < 0.7,
        logs=dice.randint(0, 3),
        requeues=dice.choice((0, 0, 1, 2)),
        twice=dice.random() < 0.5,
    )


def _faults(dice: random.Random, kind: Kind, seconds: float) -> list[Fault]:
    possible = [(action, target) for target in _PROCESSES[kind] for action in (Action.KILL, Action.STOP)]
    possible += [
        (action, target)
        for target in _CONNECTIONS[kind]
        for action in (Action.SLOW, Action.CUT, Action.REFUSE)
    ]
    possible += [(Action.LOSE, Target.API), (Action.LOSE, Target.API)]
    possible += [(Action.FILL, target) for target in _DISKS]
    free_at: dict[Target, float] = {}
    faults = []
    for _ in range(dice.randint(3, 6)):
        action, target = dice.choice(possible)
        length, strength = dice.uniform(0.2, 2.0), dice.random()
        at = max(dice.uniform(0, seconds * 0.8), free_at.get(target, 0))
        faults.append(Fault(at, length, action, target, strength))
        free_at[target] = at + length + _GAP
    if dice.random() < _KILLS_EVERYTHING:
        after = max(fault.end for fault in faults) + _GAP
        faults.append(Fault(after, 0.5, Action.KILL, Target.EVERYTHING, 0))
    return sorted(faults, key=lambda fault: fault.at)
