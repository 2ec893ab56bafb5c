"""Reverse proxies in front of servers of ours, from Debian's packages, with the examples of the docs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.ftp_servers import _make_certificate as make_certificate
from tests.packages import NotHere, environment, unpacked
from tests.ports import free_port

DOCS = Path(__file__).parents[1] / "docs" / "reverse-proxy.md"
READY_SECONDS = 20
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def example(language: str) -> str:
    """The example of the docs in `language`: `nginx` or `caddy`."""
    [found] = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """`text` with each of `changes`, all of which must be there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, port: int, dashboard: int, *, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """nginx with the example of the docs and `more` changes to it; the address of the dashboard."""
    certificate = make_certificate(folder)
    servers = replaced(
        example("nginx"),
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "127.0.0.1:8501": f"127.0.0.1:{dashboard}",
            "server_name ulos.example": "server_name localhost",
            "/etc/ssl/ulos.crt": str(certificate),
            "/etc/ssl/ulos.key": str(certificate),
            **(more or {}),
        },
    )
    temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
    config = folder / "nginx.conf"
    config.write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    {temporary}
    {servers}
}}
""")
    root = _nginx_root()
    with _process([root / "usr/sbin/nginx", "-p", folder, "-c", config], root, folder / "error.log", port):
        yield f"https://localhost:{port}"


@contextmanager
def caddy(folder: Path, port: int, dashboard: int) -> Iterator[str]:
    """Caddy on `port` with the example of the docs; the address of the dashboard."""
    root = _root("caddy")
    sites = replaced(
        example("caddy"),
        {
            "api.ulos.example {": f"api.localhost:{port} {{\n    tls internal\n",
            "ulos.example {": f"localhost:{port} {{\n    tls internal\n",
            "127.0.0.1:8501": f"127.0.0.1:{dashboard}",
        },
    )
    config = folder / "Caddyfile"
    config.write_text(
        "{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n"
        f"    storage file_system {folder}/certificates\n    http_port {free_port()}\n}}\n{sites}"
    )
    command: list[str | Path] = [root / "usr/bin/caddy", "run", "--config", config, "--adapter", "caddyfile"]
    with _process(command, root, folder / "caddy.log", port):
        yield f"https://localhost:{port}"


def _root(name: str) -> Path:
    return unpacked(name, (name,))


def _nginx_root() -> Path:
    if shutil.which("openssl") is None:
        raise NotHere("openssl is not installed")
    return _root("nginx")


@contextmanager
def _process(command: list[str | Path], root: Path, log: Path, port: int) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(root) | {"HOME": str(log.parent)}, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _speaks_tls(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotHere(log.read_text(errors="replace")[-1000:])
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _speaks_tls(port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        suppress(OSError),
        socket.create_connection(("127.0.0.1", port), 2) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        return True
    return False
