"""The embedded Postgres and the state that its processes share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg2
import pytest
from pydantic import SecretStr

from core.config import Settings
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import NeverStarted, _free_port, prepare, resolve
from core.embedded.supervise import render


def test_no_acknowledged_row_is_lost_when_postgres_is_killed(tmp_path: Path) -> None:
    port = _free_port(0)
    server = EmbeddedPostgres(tmp_path / "data", port=port, password="secret")
    server.start()
    with psycopg2.connect(server.url().replace("+psycopg2", "")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    connection.close()
    assert server._process is not None
    os.kill(int((tmp_path / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    server._process.wait()

    with EmbeddedPostgres(tmp_path / "data", port=port, password="secret") as again:
        connection = psycopg2.connect(again.url().replace("+psycopg2", ""))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kept")
            row = cursor.fetchone()
        connection.close()
    assert row == (1000,)


def test_secrets_are_kept_for_the_owner_only_and_not_in_the_supervisors_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, _env_file=None)

    prepared = prepare(settings)

    assert (tmp_path / "embedded.json").stat().st_mode & 0o777 == 0o600
    config = render(settings, prepared)
    secrets = (prepared.secret_key, prepared.callback_token, prepared.database_url, prepared.ftp_url)
    assert not any(secret.get_secret_value() in config for secret in secrets)
    assert resolve(settings) == prepared
    assert prepare(settings).database_url == prepared.database_url


def test_an_external_database_is_left_as_it_is_and_gets_no_demo(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=SecretStr("postgresql://me@db/x"), _env_file=None)

    prepared = prepare(settings)

    assert prepared.database_url.get_secret_value() == "postgresql://me@db/x"
    assert (prepared.seeds_demo, prepared.runs_runner) == (False, False)


def test_before_the_first_start_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NeverStarted, match="make up"):
        resolve(Settings(data_dir=tmp_path, _env_file=None))
