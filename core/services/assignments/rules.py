"""The rules of an assignment: what a professor may ask for beyond its dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core import archive
from core.config import Settings
from core.errors import BadArchive, BadRange, ImpossibleFile, UnknownChoice
from core.models import Assignment
from core.services.texts import clean_text
from core.vocabulary import LatePolicy

LONGEST_GRACE = 7 * 24 * 60
"""Minutes."""
MOST_SUBMISSIONS = 1000
MOST_NAMES = 50
NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class AssignmentRules:
    """What holds for every student of an assignment.

    `required_names`: files that an archive must hold, as seen from within its one enclosing folder.
    """

    grace_minutes: int = 0
    late_policy: LatePolicy = LatePolicy.REFUSE
    most_submissions: int = 0
    """Per student; 0: as many as they like."""
    limit_mb: int = 0
    """Of an archive, in 10^6 bytes; 0: the limit of the platform."""
    required_names: tuple[str, ...] = ()


def check_rules(rules: AssignmentRules, settings: Settings) -> AssignmentRules:
    """`rules` as they are stored.

    Raises:
        Invalid: which field, and why.

    """
    highest = {
        "grace_minutes": LONGEST_GRACE,
        "most_submissions": MOST_SUBMISSIONS,
        "limit_mb": settings.max_upload_mb,
    }
    for field, high in highest.items():
        if not 0 <= getattr(rules, field) <= high:
            raise BadRange(field=field, low=0, high=high)
    if rules.late_policy not in set(LatePolicy):
        raise UnknownChoice(field="late_policy", value=rules.late_policy)
    return replace(rules, required_names=_names(rules.required_names))


def _names(names: Sequence[str]) -> tuple[str, ...]:
    field = "required_names"
    cleaned = [clean_text(field, name, limit=NAME_LIMIT) for name in names]
    kept = tuple(dict.fromkeys(archive.normal_name(name) for name in cleaned if name))
    if len(kept) > MOST_NAMES:
        raise BadRange(field=field, low=0, high=MOST_NAMES)
    for name in kept:
        if archive.is_ignored(name) or name.endswith("/"):
            raise ImpossibleFile(field=field, value=name)
    try:
        archive.check_names(kept)
    except BadArchive as error:
        raise ImpossibleFile(field=field, value=error.values.get("entry", "")) from error
    return kept


def read_rules(assignment: Assignment) -> AssignmentRules:
    """The rules that are stored."""
    return AssignmentRules(
        grace_minutes=assignment.grace_minutes,
        late_policy=LatePolicy(assignment.late_policy),
        most_submissions=assignment.most_submissions,
        limit_mb=assignment.limit_mb,
        required_names=tuple(assignment.required_names),
    )


def write_rules(assignment: Assignment, rules: AssignmentRules) -> None:
    """Store `rules`, which were checked."""
    assignment.grace_minutes = rules.grace_minutes
    assignment.late_policy = rules.late_policy
    assignment.most_submissions = rules.most_submissions
    assignment.limit_mb = rules.limit_mb
    assignment.required_names = list(rules.required_names)
