"""How many tasks ended within a window, and how."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.services.monitoring.counting import counted, whole_sum
from core.services.monitoring.scope import Scope
from core.services.monitoring.sources import Kind


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Tasks that ended within the window: all, those that failed, and those that a node crashed on."""

    ended: int
    failed: int
    crashed: int

    @property
    def passed(self) -> int:
        """Those that did not fail."""
        return self.ended - self.failed


def count_verdicts(ctx: Context, actor: Actor, scope: Scope) -> Verdicts:
    """Return how the tasks ended whose current attempt ended within the scope's window.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as for every figure.

    """
    with ctx.db.transaction() as session:
        return verdicts_within(session, actor, scope)


def verdicts_within(session: Session, actor: Actor, scope: Scope) -> Verdicts:
    """As `count_verdicts`, within a transaction."""
    found = counted(session, actor, scope, Kind.ENDED)
    rows = session.execute(select(found.c.detail, whole_sum(found.c.count)).group_by(found.c.detail))
    counts = {str(detail): int(count) for detail, count in rows}
    crashed = counts.get("crashed", 0)
    return Verdicts(ended=sum(counts.values()), failed=counts.get("failed", 0) + crashed, crashed=crashed)
