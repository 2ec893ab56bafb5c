"""The command line: `python -m core up`, `down`, `topology`, `recount`, and the processes of `up`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from core.config import Settings, read_settings
from core.embedded.parent import end_with_parent
from core.embedded.supervise import PRIVATE


def main() -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core", description=__doc__)
    parser.add_argument(
        "command",
        choices=["up", "down", "topology", "recount", "setup", "worker", "postgres", "ftp", "ready"],
    )
    chosen, rest = parser.parse_known_args()
    settings = read_settings()
    if chosen.command not in {"up", "down"}:
        end_with_parent(signal.SIGTERM)
        os.umask(PRIVATE)
    if chosen.command == "up":
        return _up(settings)
    if chosen.command == "down":
        return _down(settings)
    if chosen.command == "topology":
        return _topology(settings, rest)
    if chosen.command == "recount":
        return _recount(settings, repair="--repair" in rest)
    return _process(chosen.command, settings)


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


def _topology(settings: Settings, rest: list[str]) -> int:
    from core import topology, wire  # noqa: PLC0415
    from core.bootstrap import open_context  # noqa: PLC0415
    from core.errors import Rejected, Unavailable  # noqa: PLC0415

    if not settings.uses_rabbitmq:
        print("ULOS_AMQP_URL is empty: the queue is in Postgres and needs nothing")  # noqa: T201
        return 0
    parser = argparse.ArgumentParser(prog="python -m core topology")
    actions = parser.add_subparsers(dest="action")
    actions.add_parser("clean", help="set up RabbitMQ now and remove bindings that nothing needs")
    move = actions.add_parser("move", help="give a routing key another queue, and move its tasks there")
    move.add_argument("routing_key")
    move.add_argument("queue")
    move.add_argument("--exchange", default=wire.EXCHANGE)
    asked = parser.parse_args(rest)
    ctx = open_context(settings)
    try:
        if asked.action == "move":
            topology.move(ctx, asked.exchange, asked.routing_key, asked.queue)
        elif asked.action == "clean":
            topology.clean(ctx)
        lines, all_well = topology.describe(ctx)
    except Rejected as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except Unavailable as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print("\n".join(lines))  # noqa: T201
    return 0 if all_well else 1


def _recount(settings: Settings, *, repair: bool) -> int:
    from core.bootstrap import open_context  # noqa: PLC0415
    from core.context import PLATFORM  # noqa: PLC0415
    from core.errors import Unavailable  # noqa: PLC0415
    from core.services.tallies import recount  # noqa: PLC0415

    try:
        found = recount(open_context(settings), PLATFORM, repair=repair)
    except Unavailable as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    for wrong in found.differences:
        print(  # noqa: T201
            f"{wrong.at:%Y-%m-%d %H:%M} {wrong.kind} {wrong.detail} course {wrong.course_id} definition "
            f"{wrong.definition_id} stage {wrong.stage_id}: tallied {wrong.tallied}, counted {wrong.counted}"
        )
    mended = ", mended" if repair and found.differences else ""
    print(f"{found.days} days compared, {len(found.differences)} numbers differ{mended}")  # noqa: T201
    print(f"{found.marked} days have changed and are read from the rows until counted again")  # noqa: T201
    return 1 if found.differences else 0


def _process(command: str, settings: Settings) -> int:
    if command == "postgres":
        from core.embedded.state import embedded_postgres  # noqa: PLC0415

        embedded_postgres(settings).run()
    elif command == "ftp":
        from core import logs  # noqa: PLC0415
        from core.embedded.state import serve_ftp  # noqa: PLC0415

        logs.configure(settings)
        asyncio.run(serve_ftp(settings))
    elif command == "setup":
        from core.setup import run as run_setup  # noqa: PLC0415

        run_setup(settings)
    elif command == "worker":
        from core.worker import run as run_worker  # noqa: PLC0415

        run_worker(settings)
    else:
        from core.embedded.ready import wait_until_ready  # noqa: PLC0415

        wait_until_ready(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
