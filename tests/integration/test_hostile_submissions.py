"""Hostile submissions and images from end to end: a plain failure, and the next submission runs."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from core.context import PLATFORM
from core.demo import samples
from core.services import results
from tests import hostile_programs
from tests.laboratory import Laboratory, statuses

OUTPUT_BOMB = "import os\nwhile True: os.write(1, bytes(65536))"
FORK_BOMB = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
OWN_FAILURE = "test_it: assert False"
"""The end of the test around each program, which limits of files and processes let it reach."""


def check_next(laboratory: Laboratory) -> None:
    """A good submission runs to its end."""
    assert statuses(laboratory.run("G-code", samples.gcode_good())) == ["COMPLETED", "COMPLETED"]


def pytest_file(program: str) -> bytes:
    """A submission whose tests run `program` as a program of its own."""
    return samples.pytest_running(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {program!r}])\nassert False"
    )


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (hostile_programs.STAY_BEHIND, OWN_FAILURE),
        (hostile_programs.SWAP_FOLDER_FOR_LINK, OWN_FAILURE),
        (hostile_programs.DEEP_TREE, "more files than allowed"),
        (OUTPUT_BOMB, OWN_FAILURE),
        (FORK_BOMB, "stopped after 5 s"),
    ],
    ids=["left-behind", "swapped-folder", "deep-tree", "output", "fork-bomb"],
)
def test_an_attack_is_a_plain_failure_and_the_next_submission_runs(
    laboratory: Laboratory, program: str, reason: str
) -> None:
    if laboratory.sandbox.bwrap is None:
        pytest.skip("no bubblewrap on this machine")
    timeout = 5 if program is FORK_BOMB else 60

    task = laboratory.run("Python tests", pytest_file(program), timeout=timeout)

    assert statuses(task) == ["COMPLETED", "FAILED"], [line.message for line in task.logs]
    assert reason in (task.current.stages[1].reason or "")
    check_next(laboratory)


def test_links_among_the_results_bring_nothing_of_others(laboratory: Laboratory) -> None:
    task = laboratory.run("Python tests", pytest_file(hostile_programs.LINKS_IN_RESULTS))

    names = {file.name for file in results.read_results(laboratory.ctx, PLATFORM, task.summary.id).files}
    assert names == {"code/results/own.txt", "code/results/junit.xml"}


def test_an_image_that_writes_outside_fails_its_stage_and_writes_nothing(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        file = tarfile.TarInfo("out/written")
        file.size = 1
        archive.addfile(file, io.BytesIO(b"x"))

    task = laboratory.run("G-code", samples.gcode_good(), image=target.getvalue())

    assert statuses(task) == ["FAILED", "PENDING"]
    assert "could not be read" in (task.current.stages[0].reason or "")
    assert list(tmp_path.glob("written")) == []
    check_next(laboratory)
