"""The loop that tidies: files on FTP that no row knows, and what has expired."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.context import Context
from core.errors import Unavailable
from core.models import (
    DefinitionStage,
    IdempotencyRecord,
    LoginTicket,
    OneTimeLink,
    OutgoingMail,
    SignInFailure,
    Task,
    TaskAttempt,
)
from core.wake import Waker

GRACE = timedelta(hours=24)
"""Age at which a file without a row is left over; no submission takes that long to be recorded."""

MAILS_KEPT = timedelta(days=30)
"""How long one can look up what became of a mail."""

EVERY_SECONDS = 3600.0

logger = logging.getLogger(__name__)


def run_sweep(ctx: Context, waker: Waker) -> None:
    """Tidy once an hour until `waker` stops."""
    while not waker.stopping:
        try:
            expire(ctx)
            removed = remove_orphans(ctx)
            logger.info("sweep removed %d files without a row", len(removed))
        except Unavailable as error:
            logger.warning("sweep waits for its next turn: %s", error)
        waker.wait("sweep", EVERY_SECONDS)


def remove_orphans(ctx: Context) -> list[str]:
    """Delete our files that are older than `GRACE` and belong to no row; their paths."""
    removed = []
    for folder in ("originals", "attempts", "images"):
        files = [
            file.path
            for file in ctx.storage.list_files(ctx.storage.path(folder))
            if file.modified < ctx.now() - GRACE
        ]
        with ctx.db.transaction() as session:
            known = _known(session)
        for path in files:
            if path not in known:
                ctx.storage.delete(path)
                removed.append(path)
    return removed


def _known(session: Session) -> set[str]:
    columns = (Task.original_path, TaskAttempt.file_path, DefinitionStage.remote_storage_path)
    return {path for column in columns for path in session.scalars(select(column))}


def expire(ctx: Context) -> None:
    """Forget what is of no use any more: old keys, tickets and failed sign-ins."""
    with ctx.db.transaction() as session:
        session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at < ctx.now() - GRACE))
        session.execute(delete(LoginTicket).where(LoginTicket.expires_at < ctx.now() - GRACE))
        session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < ctx.now() - GRACE))
        session.execute(delete(OutgoingMail).where(OutgoingMail.created_at < ctx.now() - MAILS_KEPT))
        session.execute(delete(SignInFailure).where(SignInFailure.at < ctx.now() - GRACE))
