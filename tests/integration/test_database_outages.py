"""Every way out of the database adapter says `DatabaseUnavailable` when Postgres is down or hangs."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg2
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, PendingRollbackError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core import db_waits
from core.config import Settings
from core.context import Context
from core.db import Database, is_outage
from core.embedded.postgres import EmbeddedPostgres
from core.errors import DatabaseUnavailable, SchemaOutdated
from core.migrate import is_current
from core.models import User
from core.services.health import check_components
from tests.frozen import frozen
from tests.outages import shut

Break = Callable[[], None]

pytestmark = pytest.mark.slow


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    made = Database(settings.database_url.get_secret_value())
    yield made
    made.dispose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db_waits, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(db_waits, "GREETING_SECONDS", 0.3)


def in_transaction(db: Database, interrupt: Break) -> None:
    with db.transaction() as session:
        session.execute(text("SELECT 1"))
        interrupt()
        session.execute(text("SELECT 1"))


def at_commit(db: Database, interrupt: Break) -> None:
    with db.transaction() as session:
        session.add(User(email="a@uniandes.edu.co", full_name="A"))
        interrupt()


def in_joined_transaction(db: Database, interrupt: Break) -> None:
    with db.transaction() as outer:
        interrupt()
        with pytest.raises(DatabaseUnavailable), db.joined(outer).transaction() as session:
            session.execute(text("SELECT 1"))
        outer.execute(text("SELECT 1"))


def while_listening(db: Database, interrupt: Break) -> None:
    with db.listening() as raw:
        interrupt()
        with raw.cursor() as cursor:
            cursor.execute("SELECT 1")


def with_a_lock(db: Database, interrupt: Break) -> None:
    with db.exclusively("test"):
        interrupt()


def waiting_for_a_lock(db: Database, interrupt: Break) -> None:
    with db.exclusively("test", wait=True):
        interrupt()


def on_a_bare_connection(db: Database, interrupt: Break) -> None:
    with db.connect() as connection:
        interrupt()
        connection.execute(text("SELECT 1"))


def counting(db: Database, interrupt: Break) -> None:
    db.check()
    interrupt()
    db.count_listening("test")


def checking(db: Database, interrupt: Break) -> None:
    db.check()
    interrupt()
    db.check()


EXITS = {
    in_transaction: "transaction",
    at_commit: "transaction",
    in_joined_transaction: "joined",
    while_listening: "listening",
    with_a_lock: "exclusively",
    waiting_for_a_lock: "exclusively",
    on_a_bare_connection: "connect",
    counting: "count_listening",
    checking: "check",
}


def test_every_public_way_into_the_database_is_tried_here() -> None:
    public = {name for name, _ in inspect.getmembers(Database, callable) if not name.startswith("_")}

    assert public - {"dispose"} == set(EXITS.values())


def unbroken() -> None:
    pass


@contextmanager
def once(interruption: Callable[[], object]) -> Iterator[Break]:
    """Something that begins when it is called and is over after the block."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(interruption())  # type: ignore[arg-type]  # a context manager


@pytest.mark.parametrize("use", EXITS, ids=lambda use: use.__name__)
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_server_that_is_down_is_an_outage_at_every_exit(
    db: Database, ctx: Context, postgres: EmbeddedPostgres, use: Callable[[Database, Break], None], when: str
) -> None:
    with once(lambda: shut(ctx, postgres)) as interrupt:
        if when == "before":
            interrupt()
        with pytest.raises(DatabaseUnavailable):
            use(db, unbroken if when == "before" else interrupt)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("use", EXITS, ids=lambda use: use.__name__)
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_server_that_hangs_is_an_outage_at_every_exit(
    db: Database, postgres: EmbeddedPostgres, use: Callable[[Database, Break], None], when: str
) -> None:
    started = time.monotonic()

    with once(lambda: frozen(postgres)) as interrupt:
        if when == "before":
            interrupt()
        with pytest.raises(DatabaseUnavailable):
            use(db, unbroken if when == "before" else interrupt)

    assert time.monotonic() - started < 20
    db.check()


@pytest.mark.usefixtures("impatient")
def test_a_long_query_of_a_server_that_answers_others_is_waited_for(db: Database) -> None:
    with db.transaction() as session:
        assert session.scalar(text("SELECT 1 FROM pg_sleep(1.5)")) == 1


def test_a_pool_whose_connections_are_all_taken_is_an_outage(settings: Settings) -> None:
    db = Database(settings.database_url.get_secret_value(), pool_size=1)
    db._engine.pool._timeout = 0.1  # type: ignore[attr-defined]  # ten seconds otherwise
    with ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(db.transaction()).execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable) as refused:
            db.check()
    db.dispose()

    assert isinstance(refused.value.__cause__, PoolTimeout)


def test_a_server_that_only_reads_is_an_outage(db: Database, settings: Settings) -> None:
    name = db.url.database
    admin = create_engine(db.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    admin.dispose()

    with pytest.raises(DatabaseUnavailable), db.transaction() as session:
        session.add(User(email="a@uniandes.edu.co", full_name="A"))


def test_an_error_of_ours_is_no_outage(db: Database) -> None:
    with pytest.raises(ProgrammingError), db.transaction() as session:
        session.execute(text("SELECT no_such_column"))
    with pytest.raises(ProgrammingError), db.transaction() as session:
        session.scalars(select(User).where(text("1 = :value")), {"value": object()}).all()


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (psycopg2.OperationalError(), True),
        (psycopg2.InterfaceError("connection already closed"), True),
        (psycopg2.DatabaseError("error with status PGRES_TUPLES_OK and no message from the libpq"), True),
        (psycopg2.ProgrammingError("can't adapt type"), False),
        (psycopg2.IntegrityError(), False),
        (PoolTimeout(), True),
        (PendingRollbackError("…", code="8s2b"), True),
        (PendingRollbackError("…", code="7s2a"), False),
        (DBAPIError("…", None, psycopg2.DataError(), connection_invalidated=True), True),
        (DBAPIError("…", None, psycopg2.DataError()), False),
    ],
)
def test_outages_are_told_from_faults_of_ours(error: Exception, outage: bool) -> None:
    assert is_outage(error) is outage


def test_a_database_that_is_away_has_no_current_schema(ctx: Context, postgres: EmbeddedPostgres) -> None:
    with shut(ctx, postgres):
        assert not is_current(ctx.db)


def test_readiness_names_the_tables_that_are_missing_before_the_first_migration(ctx: Context) -> None:
    with ctx.db.transaction() as session:
        session.execute(text("DROP SCHEMA public CASCADE"))
        session.execute(text("CREATE SCHEMA public"))

    components = check_components(ctx)

    missing = SchemaOutdated().sentence("en")
    assert components == {
        "database": "ok", "files": "ok", "schema": missing, "worker": missing, "nodes": missing
    }  # fmt: skip


@pytest.mark.usefixtures("impatient")
def test_readiness_answers_while_the_database_hangs(ctx: Context, postgres: EmbeddedPostgres) -> None:
    ctx.db.check()
    with frozen(postgres):
        threads = [threading.Thread(target=check_components, args=(ctx,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        alive = [thread for thread in threads if thread.is_alive()]

    assert alive == []
    assert check_components(ctx)["database"] == "ok"
