"""Short rounds of `make chaos`, under seeds that never change."""

from __future__ import annotations

import pytest

from tests.chaos.conftest import Scene
from tests.chaos.recount import Evidence
from tests.chaos.rounds import connected
from tests.chaos.schedule import Action
from tests.chaos.sweeping import sweep_and_recount

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.ftp_servers,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(600),
]

EMBEDDED_SEEDS = range(1, 6)
EXTERNAL_SEEDS = range(1, 11)


@pytest.mark.parametrize("seed", EMBEDDED_SEEDS)
def test_embedded_installation_loses_and_doubles_nothing_under_faults(embedded: Scene, seed: int) -> None:
    result = embedded.run(seed)

    assert not result.problems, result.explain()


@pytest.mark.stress
@pytest.mark.parametrize("seed", EXTERNAL_SEEDS)
def test_external_installation_loses_and_doubles_nothing_under_faults(external: Scene, seed: int) -> None:
    result = external.run(seed)

    assert not result.problems, result.explain()


@pytest.mark.parametrize("kind", ["embedded", "external"])
def test_sweep_deletes_what_no_row_names_and_nothing_else(kind: str, request: pytest.FixtureRequest) -> None:
    world = request.getfixturevalue(kind).world

    with connected(world) as connection:
        evidence = Evidence(connection, world.ftp_url, world.book, world.ledgers)
        problems = sweep_and_recount(world, evidence)

    assert not problems


@pytest.mark.parametrize("kind", ["embedded", "external"])
def test_disks_can_be_filled_on_this_machine(kind: str, request: pytest.FixtureRequest) -> None:
    if Action.FILL in request.getfixturevalue(kind).world.missing:
        pytest.skip("no right to mount a file system: full disks are left out of every round")
