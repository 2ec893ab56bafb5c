"""The command line: `python -m core up`, `down`, and the processes that `up` starts."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from core.config import Settings
from core.embedded.parent import end_with_parent


def main() -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core", description=__doc__)
    parser.add_argument(
        "command", choices=["up", "down", "setup", "worker", "postgres", "ftp", "serve", "ready"]
    )
    chosen, rest = parser.parse_known_args()
    settings = Settings()
    if chosen.command not in {"up", "down"}:
        end_with_parent(signal.SIGTERM)
    if chosen.command == "up":
        return _up(settings)
    if chosen.command == "down":
        return _down(settings)
    return _process(chosen.command, settings, rest)


def _up(settings: Settings) -> int:
    from core.embedded.supervise import CannotStart, up  # noqa: PLC0415  each command loads its own

    try:
        up(settings)
    except CannotStart as error:
        print(error, file=sys.stderr)  # noqa: T201  for the person at the terminal
        return 1
    return 0


def _down(settings: Settings) -> int:
    from core.embedded.supervise import down  # noqa: PLC0415

    print("stopped" if down(settings) else "nothing was running")  # noqa: T201
    return 0


def _process(command: str, settings: Settings, rest: list[str]) -> int:
    if command == "postgres":
        from core.embedded.state import embedded_postgres  # noqa: PLC0415

        embedded_postgres(settings).run()
    elif command == "ftp":
        from core.embedded.state import serve_ftp  # noqa: PLC0415

        asyncio.run(serve_ftp(settings))
    elif command == "setup":
        from core.setup import run as run_setup  # noqa: PLC0415

        run_setup(settings)
    elif command == "worker":
        from core.worker import run as run_worker  # noqa: PLC0415

        run_worker(settings)
    elif command == "ready":
        from core.embedded.ready import wait_until_ready  # noqa: PLC0415

        wait_until_ready(settings)
    else:
        os.execv(sys.executable, [sys.executable, "-m", "uvicorn", *rest])  # noqa: S606  no shell is wanted
    return 0


if __name__ == "__main__":
    sys.exit(main())
