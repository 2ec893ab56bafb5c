"""`python -m web api.app:app --port 8000`: one HTTP server, under the limits of every server of ours."""

from __future__ import annotations

import argparse
import signal

import uvicorn

from core import logs
from core.config import Settings, read_settings
from core.embedded.parent import end_with_parent
from web.protocol import LimitedProtocol

LARGEST_WS_MESSAGE = 1_000_000
"""Bytes of one message from a browser, unpacked: the longest text in each field of a page, several times."""

GRACE_SECONDS = 3
KEEP_ALIVE_SECONDS = 15


def server_config(app: str, settings: Settings, host: str, port: int) -> uvicorn.Config:
    """Return the configuration of a server of `app` (`module:name`)."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=LimitedProtocol,
        ws_max_size=LARGEST_WS_MESSAGE,
        ws_max_queue=4,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        forwarded_allow_ips=",".join(settings.trusted_proxies),
        log_config=None,
        access_log=False,
        server_header=False,
    )


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m web", description=__doc__)
    parser.add_argument("app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    end_with_parent(signal.SIGTERM)
    settings = read_settings()
    logs.configure(settings)
    uvicorn.Server(server_config(chosen.app, settings, chosen.host, chosen.port)).run()


if __name__ == "__main__":
    main()
