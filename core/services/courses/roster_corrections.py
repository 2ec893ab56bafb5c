"""What a list says otherwise than the accounts, and writing it to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import User


@dataclass(frozen=True, slots=True)
class RosterCorrection:
    """A name or code of an existing account that the list corrects. `before` may be empty."""

    row: int
    email: str
    field: str
    """`full_name` or `student_code`."""
    before: str
    after: str


def corrections_of(user: User, row: int, full_name: str, student_code: str | None) -> list[RosterCorrection]:
    """Return what the row says otherwise than the account. A name of the person's own choice stays."""
    found = [("student_code", user.student_code or "", student_code or "")]
    if not user.name_is_own:
        found.append(("full_name", user.full_name, full_name))
    return [
        RosterCorrection(row, user.email, field, before, after)
        for field, before, after in found
        if after and after != before
    ]


def apply_corrections(session: Session, corrections: Sequence[RosterCorrection]) -> None:
    """Write the corrections to the accounts, locked in one order."""
    users = {
        user.email: user
        for user in session.scalars(
            select(User)
            .where(User.email.in_({correction.email for correction in corrections}))
            .order_by(User.id)
            .with_for_update(key_share=True)
        )
    }
    for correction in corrections:
        setattr(users[correction.email], correction.field, correction.after)
    session.flush()
