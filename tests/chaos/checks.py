"""Everything that must hold once a round has settled."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.recount import (
    Evidence,
    check_attempts,
    check_effects,
    check_originals,
    check_states,
    check_submissions,
)
from tests.chaos.reports import check_reports

CHECKS: tuple[Callable[[Evidence], list[str]], ...] = (
    check_submissions,
    check_originals,
    check_attempts,
    check_states,
    check_effects,
    check_reports,
)


def recount(evidence: Evidence) -> list[str]:
    """Return everything that is wrong, each sentence with the name of its check."""
    return [f"{check.__name__[6:]}: {problem}" for check in CHECKS for problem in check(evidence)]
