"""Run many rounds and write down what they came to: `make chaos ROUNDS=300 SEED=1`."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.load import People, sign_in
from tests.chaos.recount import Evidence
from tests.chaos.results import Run
from tests.chaos.rounds import connected, run_round
from tests.chaos.schedule import MOST, Kind, make_schedule
from tests.chaos.sweeping import sweep_and_recount
from tests.chaos.world import World, running

ROUNDS_OF_A_WORLD = 20
"""After so many rounds the installation is begun anew, and the other kind has its turn."""

WRITTEN_FROM = 10
"""Rounds from which a run is written into the document."""


def main() -> int:
    """Run the rounds; the exit code says whether all of them were right."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each further one adds 1")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], help="default: both by turns")
    parser.add_argument("--most", type=int, default=MOST, help="submissions of a round, at most")
    asked = parser.parse_args()
    run = Run(asked.seed, asked.rounds, asked.most)
    number = 0
    with contextlib.suppress(KeyboardInterrupt):  # what was done until then counts
        while number < asked.rounds:
            kind = Kind(asked.kind) if asked.kind else list(Kind)[number // ROUNDS_OF_A_WORLD % len(Kind)]
            last = min(number - number % ROUNDS_OF_A_WORLD + ROUNDS_OF_A_WORLD, asked.rounds)
            number = _run_world(run, kind, range(number, last))
    run.finish()
    print(run.summary())  # noqa: T201
    if sum(run.done.values()) >= WRITTEN_FROM:
        run.write()
    return 1 if run.failed else 0


def _run_world(run: Run, kind: Kind, numbers: range) -> int:
    """Run these rounds in one world until one of them fails; return the number of the next round."""
    folder = Path(tempfile.mkdtemp(prefix="ulos-chaos-"))
    folder.chmod(0o755)  # servers work as other users
    failed_before = run.failed
    with running(kind, folder) as world:
        people = sign_in(world)
        for number in numbers:
            _run_one(run, world, people, number)
            if run.failed > failed_before:
                break
        else:
            with connected(world) as connection:
                evidence = Evidence(connection, world.ftp_url, world.book, world.ledgers)
                run.add_sweep(kind, sweep_and_recount(world, evidence))
    if run.failed == failed_before:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"its files are kept in {folder}")  # noqa: T201
    return number + 1


def _run_one(run: Run, world: World, people: People, number: int) -> None:
    schedule = make_schedule(run.seed + number, world.kind, most=run.most, without=world.missing)
    result = run_round(world, people, schedule, most=run.most)
    run.add(result, world.missing)
    state = "FAILED" if result.problems else "ok"
    print(  # noqa: T201
        f"{number + 1}/{run.rounds} seed {schedule.seed} {world.kind}: {state}, {result.seconds:.1f} s, "
        f"{result.counts['submissions']} submissions, {result.counts['faults']} faults",
        flush=True,
    )
    if result.problems:
        print(result.explain(), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
