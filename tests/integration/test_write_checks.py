"""A store that answers and cannot write is not ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.config import Settings
from core.context import Context
from core.db import Database
from core.errors import StorageUnavailable
from core.services.health import check_components, is_ready
from core.storage import FtpAddress, Storage
from tests.ftp_servers import aioftp_server


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Storage]:
    """A file server whose disk is full."""
    with aioftp_server(tmp_path, "full") as server:
        yield Storage(FtpAddress.from_url(server.url))


def test_a_file_server_that_is_full_is_not_ready(ctx: Context, full: Storage) -> None:
    components = check_components(replace(ctx, storage=full))

    assert components["files"] == StorageUnavailable().sentence("en")
    assert not is_ready(components)


def test_a_database_that_only_reads_is_not_ready(ctx: Context, settings: Settings) -> None:
    admin = create_engine(ctx.db.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(
            text(f'ALTER DATABASE "{ctx.db.url.database}" SET default_transaction_read_only = on')
        )
    admin.dispose()
    reading = Database(settings.database_url.get_secret_value())

    components = check_components(replace(ctx, db=reading))

    reading.dispose()
    assert "The database does not answer" in components["database"]
    assert not is_ready(components)


def test_a_check_leaves_nothing_behind(ctx: Context) -> None:
    components = check_components(ctx)

    assert (components["files"], components["database"]) == ("ok", "ok")
    assert list(ctx.storage.list_files(ctx.storage.path())) == []
    with ctx.db.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM pg_class WHERE relname = 'write_check'")) == 0
