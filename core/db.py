"""Sessions, transactions and notifications: the only place that commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg2
import psycopg2.extensions
from psycopg2.errors import ReadOnlySqlTransaction
from sqlalchemy import ColumnElement, Text, create_engine, func, select, text
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from core import db_waits
from core.errors import DatabaseUnavailable
from core.now_and_then import NowAndThen

_LOST_BEFORE_THE_END = "8s2b"
"""SQLAlchemy's code for a transaction whose connection is gone."""

CHANNEL = "ulos"
"""The `LISTEN` channel; what it carries are topics such as `task:12`, never data."""


def normalise_url(url: str) -> URL:
    """The address with our driver, however people write it (`postgres://`, `postgresql://`)."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    return parsed.set(drivername="postgresql+psycopg2")


@contextmanager
def mapped() -> Iterator[None]:
    """Turn every way in which Postgres can be away, hang, or refuse writes into `DatabaseUnavailable`."""
    try:
        yield
    except (DBAPIError, PoolTimeout, PendingRollbackError, psycopg2.Error) as error:
        if is_outage(error):
            raise DatabaseUnavailable from error
        raise


def is_outage(error: Exception) -> bool:
    """Whether `error` of SQLAlchemy or psycopg2 says that the server is away, and not that we are wrong."""
    if isinstance(error, PoolTimeout):  # every connection waits for a server that hangs
        return True
    if isinstance(error, PendingRollbackError):
        return error.code == _LOST_BEFORE_THE_END
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (
            isinstance(error.orig, psycopg2.Error) and is_outage(error.orig)
        )
    if isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError, ReadOnlySqlTransaction)):
        return True
    return type(error) is psycopg2.DatabaseError and error.pgcode is None  # libpq lost its place


class Database:
    """One pool of connections to Postgres.

    `url`: any spelling of a Postgres address. `pool_size`: connections kept; mind that the
    sum over all processes stays under the server's `max_connections`.
    """

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        db_waits.install()
        self.url = normalise_url(url)
        self._engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=5,
            pool_timeout=10,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 5,
                "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=60000",
                "keepalives_idle": 10,
                "tcp_user_timeout": 15_000,
            },
        )
        self._sessions = sessionmaker(self._engine, expire_on_commit=False, autoflush=False)
        self._check_writing = NowAndThen(self._try_to_write)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One unit of work: committed at the end of the block, rolled back on any error.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached or went away; nothing was changed
                unless the connection broke during the commit itself.

        """
        with mapped(), self._sessions() as session, session.begin():
            yield session

    def joined(self, session: Session) -> Database:
        """This database inside of `session`'s transaction: its units of work become part of that.

        Each is a savepoint, so one that fails takes back its own changes only; all of them are
        committed, or not, together with `session`.
        """
        return _Joined(self, session)

    @contextmanager
    def listening(self, name: str = "ulos") -> Iterator[psycopg2.extensions.connection]:
        """A connection of its own that listens on `CHANNEL`, for threads that wait for topics.

        `name` is what others see of it in `pg_stat_activity`.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.

        """
        with mapped():
            raw = psycopg2.connect(
                self.url.set(drivername="postgresql").render_as_string(hide_password=False),
                application_name=name,
                connect_timeout=5,
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,  # who only listens would never notice a server that is gone
            )
            try:
                raw.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
                with raw.cursor() as cursor:
                    cursor.execute(f"LISTEN {CHANNEL}")
                yield raw
            finally:
                raw.close()

    def count_listening(self, name: str) -> int:
        """How many connections `listening(name)` are open: those of a process that died are missing at once.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.

        """
        counted = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = :name"
        )
        with self.transaction() as session:
            return int(session.execute(counted, {"name": name}).scalar_one())

    @contextmanager
    def exclusively(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Hold the lock `name` for the block, over all processes: True for whoever has it.

        With `wait` the block begins when the lock is free. It ends with its connection, so a
        holder that dies blocks nobody.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached or went away.

        """
        key = func.hashtextextended(name, 0)
        lock = select(func.pg_advisory_lock(key) if wait else func.pg_try_advisory_lock(key))
        with (
            mapped(),
            self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            answer = connection.scalar(lock)
            leading = wait or answer is True
            try:
                yield leading
            finally:
                if leading:
                    connection.execute(select(func.pg_advisory_unlock(key)))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A bare connection, for Alembic and health checks.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached or went away.

        """
        with mapped(), self._engine.connect() as connection:
            yield connection

    def check(self) -> None:
        """Ask Postgres for a sign of life; now and then it also writes.

        Raises:
            DatabaseUnavailable: it gives none, its disk is full, or it takes no changes.

        """
        with self.transaction() as session:
            session.execute(text("SELECT 1"))
        self._check_writing()

    def _try_to_write(self) -> None:
        """Let a table grow by some pages and drop it: a full disk or a standby refuses that."""
        with self.transaction() as session:
            session.execute(
                text(
                    "CREATE TEMPORARY TABLE write_check ON COMMIT DROP AS"
                    " SELECT * FROM generate_series(1, 5000)"
                )
            )

    def dispose(self) -> None:
        """Close the pool."""
        self._engine.dispose()


class _Joined(Database):
    """The database seen from within a transaction that somebody else commits."""

    def __init__(self, outer: Database, session: Session) -> None:
        self.url = outer.url
        self._engine = outer._engine  # noqa: SLF001  another one of its own class
        self._sessions = outer._sessions  # noqa: SLF001  as above
        self._check_writing = outer._check_writing  # noqa: SLF001  as above
        self._session = session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One unit of work within the outer transaction. Raises as the outer one does."""
        with mapped(), self._session.begin_nested():
            yield self._session


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether `error` is about the constraint of this name."""
    return isinstance(error.orig, psycopg2.Error) and error.orig.diag.constraint_name == constraint


def notify(session: Session, *topics: str) -> None:
    """Tell every listening process, when this transaction commits, that `topics` have changed."""
    if topics:
        told = func.unnest(array(topics, type_=Text)).column_valued("topic")
        session.execute(select(func.pg_notify(CHANNEL, told)))


def natural(
    name: ColumnElement[str] | InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
) -> ColumnElement[str]:
    """What to order by so that names come as people sort them (`docs/decisions/0023`)."""
    return func.natural_key(name).collate("C")


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
