"""Starting and stopping all processes: a configuration for supervisord, and becoming it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from core.config import Settings
from core.embedded.state import prepare

_STOP_SECONDS = 30.0

PRIVATE = 0o077
"""The umask of every process: files are readable by their owner only."""


class CannotStart(Exception):
    """`up` cannot go on; the text says why and what to do."""


def up(settings: Settings) -> None:
    """Become supervisord, in the foreground, with every process of the installation.

    Raises:
        CannotStart: a port is taken, or an installation is running on this folder already.

    """
    run = settings.data_dir / "run"
    log = settings.data_dir / "log"
    if running_pid(settings) is not None:
        raise CannotStart(f"It is running already on {settings.data_dir}. Stop it first: make down")
    for name, port in (("api", settings.api_port), ("dashboard", settings.dashboard_port)):
        _check_port(settings.host, port, f"ULOS_{name.upper()}_PORT")
    for folder in (settings.data_dir, run, log):
        folder.mkdir(parents=True, exist_ok=True)
    (run / "setup.done").unlink(missing_ok=True)
    resolved = prepare(settings)
    config = run / "supervisord.conf"
    config.write_text(render(settings, resolved))
    config.chmod(0o600)
    os.environ["PYTHONDONTWRITEBYTECODE"] = ""
    close_to_others(log)
    # Not a program of supervisord, which would open our terminal again and may not where another user
    # owns it. It ends with this process, whatever this process becomes.
    subprocess.Popen([sys.executable, "-m", "core", "ready"], start_new_session=True)
    supervisord = str(Path(sys.executable).with_name("supervisord"))
    os.execv(supervisord, [supervisord, "-n", "-s", "-c", str(config)])  # noqa: S606  no shell is wanted


def close_to_others(log: Path) -> None:
    """Let no other user of the machine read logs, originals and whatever else the processes write."""
    log.chmod(0o700)
    for file in log.iterdir():
        file.chmod(0o600)
    os.umask(PRIVATE)


def down(settings: Settings) -> bool:
    """End a running installation and wait until it is gone; False when none was running."""
    pid = running_pid(settings)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while running_pid(settings) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    return True


def running_pid(settings: Settings) -> int | None:
    """Process id of the supervisord of this folder; None when there is none alive."""
    try:
        pid = int((settings.data_dir / "run" / "supervisord.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    config = str(settings.data_dir / "run" / "supervisord.conf").encode()
    return pid if b"supervisord" in command and config in command else None


def render(settings: Settings, resolved: Settings) -> str:
    """The configuration of supervisord. Holds no secret: processes read those themselves."""
    here = sys.executable
    programs = [
        ("postgres", f"{here} -m core postgres", settings.embedded_database, "INT", 1),
        ("ftp", f"{here} -m core ftp", settings.embedded_ftp, "TERM", 1),
        ("setup", f"{here} -m core setup", True, "TERM", 2),
        ("api", _serve(here, "api.app:app", settings.host, settings.api_port), True, "TERM", 3),
        (
            "dashboard",
            _serve(here, "dashboard.asgi:app", settings.host, settings.dashboard_port),
            True,
            "TERM",
            3,
        ),
        ("worker", f"{here} -m core worker", True, "TERM", 3),
        ("runner", f"{here} -m runner", resolved.runs_runner, "TERM", 4),
    ]
    run = settings.data_dir / "run"
    head = f"""[supervisord]
nodaemon=true
{"user=root" if os.geteuid() == 0 else ""}
logfile={settings.data_dir / "log" / "supervisord.log"}
pidfile={run / "supervisord.pid"}
childlogdir={settings.data_dir / "log"}
directory={Path.cwd()}
"""
    return head + "".join(
        _program(settings, name, command, stop, priority)
        for name, command, wanted, stop, priority in programs
        if wanted
    )


def _serve(python: str, app: str, host: str, port: int) -> str:
    return f"{python} -m web {app} --host {host} --port {port}"


def _program(settings: Settings, name: str, command: str, stop: str, priority: int) -> str:
    once = name == "setup"
    log = settings.data_dir / "log" / f"{name}.log"
    return f"""
[program:{name}]
command={command}
priority={priority}
autorestart={"unexpected" if once else "true"}
startsecs={0 if once else 1}
startretries=30
exitcodes=0
stopsignal={stop}
stopwaitsecs=10
stopasgroup={"false" if name == "postgres" else "true"}
killasgroup=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
redirect_stderr=true
"""


def _check_port(host: str, port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(f"Port {port} is taken. Set {setting} to a free one and try again.") from error
