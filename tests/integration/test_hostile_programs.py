"""Programs of students that attack: each is contained by the sandbox."""

from __future__ import annotations

import os
import platform
import re
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from core import archive
from runner import archives
from runner.sandbox import MayNotBeRoot, Sandbox
from runner.watch import Limit
from tests import hostile_programs
from tests.laboratory import Run
from tests.unprivileged import as_runner

on_x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="it is written in machine code")


def is_written_to(path: Path) -> bool:
    """Whether the program that keeps writing its time to `path` is alive."""
    if not path.exists():
        return False
    before = path.read_text()
    time.sleep(0.3)
    return path.read_text() != before


@on_x86_64
def test_a_stage_is_over_only_when_its_processes_are_gone_even_with_a_hijacked_first_process(
    run: Run,
) -> None:
    def attack() -> tuple[str, object, bool, bool]:
        started: list[Path] = []
        outcome = run(
            "python3 p.py",
            {"p.py": hostile_programs.TAKE_OVER_FIRST_PROCESS},
            timeout_seconds=3,
            started=started.append,
        )
        alive = started[0] / "alive"
        return outcome.output, outcome.end, alive.exists(), is_written_to(alive)

    output, end, ran, survived = as_runner(attack)

    assert "taken over" in output
    assert end is Limit.TIME
    assert (ran, survived) == (True, False)


def test_processes_left_behind_end_with_their_stage(run: Run) -> None:
    def attack() -> tuple[str, bool, bool]:
        started: list[Path] = []
        outcome = run("python3 p.py", {"p.py": hostile_programs.STAY_BEHIND}, started=started.append)
        alive = started[0] / "alive"
        return outcome.output, alive.exists(), is_written_to(alive)

    assert as_runner(attack) == ("left behind\n", True, False)


@on_x86_64
def test_system_calls_that_no_grader_needs_are_refused(run: Run) -> None:
    outcome = as_runner(lambda: run("python3 p.py", {"p.py": hostile_programs.FORBIDDEN_CALLS}))

    assert outcome.output.count("refused") == 16, outcome.output
    assert "ALLOWED" not in outcome.output


def test_nothing_but_the_working_folder_can_be_written_to_without_limit(run: Run) -> None:
    outcome = as_runner(lambda: run("python3 p.py", {"p.py": hostile_programs.WRITE_EVERYWHERE}))

    assert "WRITTEN" not in outcome.output
    assert re.findall(r"^/(\S+) full 28", outcome.output, re.MULTILINE) == ["tmp", "dev/shm"], outcome.output


def test_nothing_of_the_host_can_be_seen_or_reached(run: Run, tmp_path: Path) -> None:
    name = f"ulos-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as abstract, socket.create_server(("127.0.0.1", 0)) as server:
        abstract.bind(f"\0{name}")
        abstract.listen()
        program = hostile_programs.LOOK_AROUND.format(
            paths=[
                "/etc/passwd",
                "/etc/shadow",
                "/root",
                "/home",
                "/var",
                "/sys",
                str(tmp_path),
                str(Path.cwd()),
            ],
            abstract=name,
            port=server.getsockname()[1],
        )
        outcome = as_runner(lambda: run("python3 p.py", {"p.py": program}))

    lines = outcome.output.splitlines()
    assert [line.split()[-1] for line in lines[:8]] == ["hidden"] * 8, outcome.output
    assert lines[8] == "['HOME', 'LANG', 'PATH', 'PWD', 'ULOS_LANGUAGE']"
    assert lines[9:] == ["True", "refused 111", "refused 101", "refused 101"]


@pytest.mark.parametrize(
    ("program", "limit"),
    [
        ("import os\nwhile True: os.write(1, bytes(65536))", Limit.OUTPUT),
        (hostile_programs.HIDDEN_DISK, Limit.DISK),
        (hostile_programs.DEEP_TREE + "import time; time.sleep(60)", Limit.DISK),
        ("for n in range(300_000): open(f'/tmp/{n}', 'w').close()\nimport time; time.sleep(60)", Limit.DISK),
        ("while True: pass", Limit.TIME),
        ("import os\nwhile True:\n try: os.fork()\n except OSError: pass", Limit.TIME),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", Limit.TIME),
    ],
    ids=["output", "deleted-files", "deep-tree", "files-in-memory", "endless", "fork-bomb", "stopped"],
)
def test_bombs_end_at_a_limit_and_leave_nothing(run: Run, program: str, limit: Limit) -> None:
    def attack() -> tuple[object, bool]:
        started: list[Path] = []
        seconds = 4 if limit is Limit.TIME else 60
        outcome = run("python3 p.py", {"p.py": program}, timeout_seconds=seconds, started=started.append)
        run.remove(started[0])
        return outcome.end, started[0].exists()

    assert as_runner(attack) == (limit, False)


def test_kill_of_everything_ends_only_the_stage_itself(run: Run) -> None:
    killer = "import os\ntry: os.kill(1, 9)\nfinally: os.kill(-1, 9)"

    outcome = as_runner(lambda: run("python3 p.py & wait; sleep 60", {"p.py": killer}))

    assert outcome.end not in {0, Limit.TIME}


@pytest.mark.parametrize(
    ("program", "kept"),
    [
        (hostile_programs.LINKS_IN_RESULTS, {"results/own.txt"}),
        (hostile_programs.SWAP_FOLDER_FOR_LINK, {"a/inside.txt", "b/inside.txt"}),
        (hostile_programs.LOCKED_RESULTS, {"results/locked/kept.txt"}),
        (hostile_programs.DEEP_TREE, set()),
    ],
    ids=["links", "swapped-folder", "locked", "deep-tree"],
)
def test_only_own_files_are_packed(run: Run, program: str, kept: set[str]) -> None:
    def attack() -> list[str]:
        started: list[Path] = []
        run("python3 p.py", {"p.py": program}, started=started.append)
        with tempfile.TemporaryFile() as target:
            archives.pack(run.sandbox, started[0], ("output_x.txt", "said"), target)
            target.seek(0)
            return [member.name for member in archive.list_members(target)]

    names = set(as_runner(attack))

    assert names - {"output_x.txt", "p.py"} <= kept
    assert not kept or names & kept
    assert "output_x.txt" in names


def test_nothing_is_ever_started_as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("the tests do not run as root")

    with suppress(OSError), pytest.raises(MayNotBeRoot):
        Sandbox(None).start([], bound=[], folder=Path("/"), seconds=1, stdin=0, stdout=1)


def test_long_output_keeps_its_beginning_and_its_end_and_shows_nul_as_a_replaced_character(run: Run) -> None:
    program = (
        "import sys\n"
        "for number in range(200_000): sys.stdout.write(f'line {number} \\0 of the student\\n')\n"
        "print('the verdict')"
    )

    output = as_runner(lambda: run("python3 p.py", {"p.py": program})).output

    assert output.startswith("line 0 \ufffd of the student\n")
    assert "bytes were left out here" in output
    assert output.endswith("of the student\nthe verdict\n")
    assert len(output) < 1_100_000
