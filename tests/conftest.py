"""What tests stand on: a real Postgres with the schema, a real FTP server, a clock that can be set."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from core.config import Settings
from core.context import Context
from core.db import Database
from core.embedded.ftp import EmbeddedFtp
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import _free_port
from core.migrate import upgrade
from core.storage import open_storage
from tests.packages import NotHere
from tests.rabbitmq import RabbitMq
from tests.rabbitmq import running as running_rabbitmq

_names = count()

MEMORY_BYTES = 4_000_000_000
"""Free bytes in memory for which the tests keep their Postgres there."""

LEFT_OVER_SECONDS = 86_400.0
"""Age at which the folder of another run is taken for one of a run that was killed."""

SLOW = {
    "test_accounts.py",
    "test_accounts_http.py",
    "test_alert_incidents.py",
    "test_alert_notices.py",
    "test_archive_properties.py",
    "test_assignments_http.py",
    "test_broker.py",
    "test_callbacks_http.py",
    "test_definition_changes_http.py",
    "test_definition_faults.py",
    "test_definitions_http.py",
    "test_demo.py",
    "test_dry_runs.py",
    "test_embedded.py",
    "test_exports.py",
    "test_external.py",
    "test_figures.py",
    "test_files_http.py",
    "test_gate.py",
    "test_health.py",
    "test_links.py",
    "test_live_channel.py",
    "test_mails.py",
    "test_main_loop.py",
    "test_members.py",
    "test_openapi.py",
    "test_operations.py",
    "test_progress.py",
    "test_queueing.py",
    "test_receipts.py",
    "test_reports.py",
    "test_rights.py",
    "test_rights_http.py",
    "test_proven_mailboxes.py",
    "test_people_search.py",
    "test_registration.py",
    "test_roster.py",
    "test_rules_and_extensions.py",
    "test_runner.py",
    "test_sign_in.py",
    "test_stalled.py",
    "test_statements_as_pdf.py",
    "test_storage.py",
    "test_storage_faults.py",
    "test_submit_http.py",
    "test_survives.py",
    "test_tallies.py",
    "test_task_machine.py",
    "test_tasks_http.py",
    "test_triage_and_audit.py",
    "test_trials.py",
    "test_uploads.py",
    "test_web_ui.py",
    "test_worker.py",
}
"""Files of more than four seconds each: with the others the inner loop stays within a minute."""


@dataclass
class Clock:
    """A moment that tests set."""

    moment: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


@pytest.fixture(scope="session")
def postgres_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder in memory where there is room: a database is cloned there in 15 ms, on disk in 200."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < MEMORY_BYTES:
        yield tmp_path_factory.mktemp("postgres")
        return
    for left_over in memory.glob("ulos-tests-*"):  # of runs that were killed
        if left_over.stat().st_mtime < time.time() - LEFT_OVER_SECONDS:
            shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="ulos-tests-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(postgres_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(
        postgres_folder / "data",
        port=_free_port(0),
        password="tests",
        options=("fsync=off", "max_connections=200"),
    )
    with server:
        template = Database(server.url())
        upgrade(template)
        template.dispose()
        yield server


@pytest.fixture(scope="session")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedFtp]:
    with EmbeddedFtp(tmp_path_factory.mktemp("ftp")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMq]:
    try:
        with running_rabbitmq() as server:
            yield server
    except NotHere as reason:
        pytest.skip(f"RabbitMQ: {reason}")


@pytest.fixture
def amqp_url(rabbitmq: RabbitMq) -> str:
    """A virtual host of the test's own."""
    return rabbitmq.new_vhost()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def new_settings(postgres: EmbeddedPostgres, ftp: EmbeddedFtp, folder: Path) -> Iterator[Settings]:
    """Settings with a database of their own, which is dropped at the end."""
    name = f"test_{next(_names)}"
    postgres.create_database(name, template="ulos")
    yield Settings(
        database_url=SecretStr(postgres.url(name)),
        ftp_url=SecretStr(f"{ftp.url}/{name}"),
        secret_key=SecretStr("test-secret-key"),
        callback_token=SecretStr("test-callback-token"),
        data_dir=folder / "var",
        _env_file=None,
    )
    postgres.drop_database(name)


@contextmanager
def new_context(settings: Settings, clock: Clock) -> Iterator[Context]:
    """A context on the database of `settings`."""
    database = Database(settings.database_url.get_secret_value())
    yield Context(settings=settings, db=database, storage=open_storage(settings), now=clock)
    database.dispose()


@pytest.fixture
def settings(postgres: EmbeddedPostgres, ftp: EmbeddedFtp, tmp_path: Path) -> Iterator[Settings]:
    with new_settings(postgres, ftp, tmp_path) as settings:
        yield settings


@pytest.fixture
def ctx(settings: Settings, clock: Clock) -> Iterator[Context]:
    with new_context(settings, clock) as ctx:
        yield ctx


class _Sharing(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """Of several processes that share the tests, one takes a whole file, and one a whole folder of `WHOLE`.

    What the tests of a file or of such a folder start is started once.
    """

    WHOLE = ("tests/e2e/", "tests/chaos/")

    def _split_scope(self, nodeid: str) -> str:
        whole = [folder for folder in self.WHOLE if nodeid.startswith(folder)]
        return whole[0] if whole else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return _Sharing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out: whatever asks for the broker, and the slow files."""
    for item in items:
        if "rabbitmq" in getattr(item, "fixturenames", ()):
            item.add_marker("rabbitmq")
        if item.path.name in SLOW or item.path.parent.name == "pages":
            item.add_marker("slow")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under CI a test that was skipped for want of a component is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if skipped and os.environ.get("CI") == "true" and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line when a component was missing."""
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.write_line(
            f"{skipped} TESTS SKIPPED: a component is missing on this machine", red=True
        )
