"""Ports and secrets of the embedded default: made on first start, kept in `data_dir`."""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import SecretStr

from core.config import Settings
from core.embedded import ftp, postgres

FILE = "embedded.json"


class NeverStarted(Exception):
    """The embedded default has no data yet: run `make up` once, or set ULOS_DATABASE_URL and ULOS_FTP_URL."""


@dataclass(frozen=True, slots=True)
class State:
    """What the processes of one installation agree on."""

    postgres_port: int
    postgres_password: str
    ftp_port: int
    ftp_password: str
    secret_key: str
    callback_token: str


def prepare(settings: Settings) -> Settings:
    """Make what is missing, take new ports where the old ones are taken; the filled-in settings."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    old = _read(settings.data_dir)
    state = State(
        postgres_port=_free_port(old.postgres_port if old else 0),
        postgres_password=old.postgres_password if old else secrets.token_urlsafe(24),
        ftp_port=_free_port(old.ftp_port if old else 0),
        ftp_password=old.ftp_password if old else secrets.token_urlsafe(24),
        secret_key=old.secret_key if old else secrets.token_urlsafe(48),
        callback_token=old.callback_token if old else secrets.token_urlsafe(32),
    )
    _write(settings.data_dir, state)
    return _fill(settings, state)


def resolve(settings: Settings) -> Settings:
    """The settings with the empty addresses and secrets filled in; changes nothing on disk.

    Raises:
        NeverStarted: something is empty and `make up` has never run here.

    """
    needed = (settings.database_url, settings.ftp_url, settings.secret_key, settings.callback_token)
    if all(value.get_secret_value() for value in needed):
        return settings
    state = _read(settings.data_dir)
    if state is None:
        raise NeverStarted(NeverStarted.__doc__)
    return _fill(settings, state)


def embedded_postgres(settings: Settings) -> postgres.EmbeddedPostgres:
    """The server that belongs to this installation."""
    state = _require(settings)
    return postgres.EmbeddedPostgres(
        settings.data_dir / "postgres" / "data",
        port=state.postgres_port,
        password=state.postgres_password,
        bin_dir=settings.postgres_bin,
    )


async def serve_ftp(settings: Settings) -> None:
    """Serve this installation's files until cancelled."""
    state = _require(settings)
    await ftp.serve(settings.data_dir / "ftp", state.ftp_port, state.ftp_password)


def _require(settings: Settings) -> State:
    state = _read(settings.data_dir)
    if state is None:
        raise NeverStarted(NeverStarted.__doc__)
    return state


def _fill(settings: Settings, state: State) -> Settings:
    database = (
        f"postgresql+psycopg2://{postgres.USER}:{state.postgres_password}"
        f"@127.0.0.1:{state.postgres_port}/{postgres.DATABASE}"
    )
    files = f"ftp://{ftp.USER}:{state.ftp_password}@127.0.0.1:{state.ftp_port}{ftp.BASE}"
    defaults = {
        "database_url": database,
        "ftp_url": files,
        "secret_key": state.secret_key,
        "callback_token": state.callback_token,
    }
    update: dict[str, object] = {
        name: SecretStr(value)
        for name, value in defaults.items()
        if not getattr(settings, name).get_secret_value()
    }
    # What is on by default only with the embedded components stays what it was meant to be.
    update |= {"runner": settings.runs_runner, "demo": settings.seeds_demo}
    return settings.model_copy(update=update)


def _read(data_dir: Path) -> State | None:
    try:
        return State(**json.loads((data_dir / FILE).read_text()))
    except FileNotFoundError:
        return None


def _write(data_dir: Path, state: State) -> None:
    """Replace the file in one step, readable by its owner only."""
    temporary = data_dir / f"{FILE}.new"
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(data_dir / FILE)


def _free_port(wanted: int) -> int:
    """Return `wanted` if it is free, else another port of 127.0.0.1.

    It is below those that systems give to outgoing connections: such a one may be taken before the
    server listens, or while it is restarted.
    """
    others = random.sample(range(10_000, 32_000), 100)
    for port in (wanted, *others) if wanted else others:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
