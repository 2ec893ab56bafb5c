"""The project in a folder that nobody else may enter: a first start, and a submission to its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.embedded.state import _free_port
from core.vocabulary import StageStatus
from runner.privileges import choose_user
from tests.e2e.browsing import left_behind, members
from tests.integration.test_survives import context, hand_in, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(400)]

LEFT_OUT = {"tests", "docs", "bench", "var"}
STRANGER = 54_321
"""A user without an account."""


def link(source: str, target: str) -> None:
    """Copy a file without copying its content, where that is possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def clone(folder: Path, interpreter: Path) -> Path:
    """Put the project and its libraries into `folder`; the Python to start it with."""
    here = Path(__file__).resolve().parents[2]
    packages = [path for path in here.iterdir() if path.is_dir() and path.name[0] != "."]
    for source in (*packages, here / ".streamlit"):
        if source.name not in LEFT_OUT:
            shutil.copytree(source, folder / source.name, copy_function=link)
    link(str(here / "alembic.ini"), str(folder / "alembic.ini"))
    subprocess.run([interpreter, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    libraries = Path(next(part for part in sys.path if part.endswith("site-packages")))
    target = folder / ".venv" / "lib" / libraries.parent.name / "site-packages"
    shutil.rmtree(target)
    shutil.copytree(libraries, target, copy_function=link)
    program = folder / ".venv" / "bin" / "supervisord"
    program.write_text(f"#!{folder}/.venv/bin/python\nfrom supervisor.supervisord import main\nmain()\n")
    program.chmod(0o755)
    return folder / ".venv" / "bin" / "python"


@contextmanager
def started(python: Path, folder: Path, user: int) -> Iterator[Path]:
    """The project of `folder`, started by `user` with a umask that lets nobody else in; its data."""
    data = folder / "var"
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "ULOS_DATA_DIR": str(data),
        "ULOS_DASHBOARD_PORT": str(_free_port(0)),
        "ULOS_API_PORT": str(_free_port(0)),
    }
    process = subprocess.Popen(
        [python, "-m", "core", "up"],
        cwd=folder,
        env=environment,
        umask=0o077,
        user=user,
        group=user,
        extra_groups=[] if os.geteuid() == 0 else None,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("ready: dashboard"), line
        yield data
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        process.stdout.close()
    assert left_behind(data) == []


def check(python: Path, folder: Path, user: int) -> None:
    """Start, hand in, wait for the end; then look at who ran it and at every line that was logged."""
    with started(python, folder, user) as data, context(data) as ctx:
        receipts = [hand_in(ctx, 1)]
        [task] = wait_for(ctx, receipts, every=True)
        assert task.summary.status is StageStatus.COMPLETED, [line.message for line in task.logs]

        [runner] = [pid for pid, command in members(data) if "-m runner" in command]
        expected = choose_user().uid if user == 0 else user
        status = Path(f"/proc/{runner}/status").read_text()
        assert "Uid:\t" + "\t".join([str(expected)] * 4) in status
        assert "NoNewPrivs:\t1" in status

    for log in sorted((data / "log").iterdir()):
        assert "Traceback" not in log.read_text(), f"{log.name}: {log.read_text()[-3000:]}"


def test_root_in_a_folder_of_mode_0700_gets_work_done_and_logs_no_traceback(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the tests do not run as root")
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)

    check(clone(folder, Path(sys.executable).resolve()), folder, 0)


def test_a_user_whose_home_is_private_gets_work_done_and_logs_no_traceback() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    places = ("/usr/bin", "/usr/local/bin")
    candidates = [Path(sys.executable).resolve(), *(Path(place) / version for place in places)]
    reachable = [path for path in candidates if can_start(path)]
    if not reachable:
        pytest.skip("no Python of this version that others may start")
    folder = Path(tempfile.mkdtemp(prefix="ulos-home-"))
    try:
        python = clone(folder, reachable[0])
        os.chown(folder, STRANGER, STRANGER)
        check(python, folder, STRANGER)
    finally:
        shutil.rmtree(folder)


def can_start(python: Path) -> bool:
    """Whether a user without any rights can start `python`."""
    if not python.exists():
        return False
    try:
        done = subprocess.run([python, "-c", ""], user=STRANGER, group=STRANGER, cwd="/", check=False)
    except OSError:
        return False
    return done.returncode == 0
