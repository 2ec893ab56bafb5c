"""Worlds that the tests of this folder share: each is started once and stopped after the last of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.load import People, sign_in
from tests.chaos.rounds import Result, run_round
from tests.chaos.schedule import LEAST, Kind, make_schedule
from tests.chaos.world import World, running
from tests.packages import NotHere


@dataclass
class Scene:
    """A running world, and who is signed in there."""

    world: World
    people: People

    def run(self, seed: int, *, with_faults: bool = True, most: int = LEAST) -> Result:
        """Run the round of `seed`."""
        schedule = make_schedule(seed, self.world.kind, most=most, without=self.world.missing)
        if not with_faults:
            schedule = schedule.without_faults()
        return run_round(self.world, self.people, schedule, most=most)


def _scene(kind: Kind, folder: Path) -> Iterator[Scene]:
    try:
        with running(kind, folder) as world:
            yield Scene(world, sign_in(world))
    except NotHere as reason:
        pytest.skip(f"{kind}: {reason}")


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    yield from _scene(Kind.EMBEDDED, tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="package")
def external(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    yield from _scene(Kind.EXTERNAL, tmp_path_factory.mktemp("external"))
