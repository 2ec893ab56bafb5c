"""Parameters that many routes take, with their bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import AfterValidator

from core.services.paging import PAGE_LIMIT


def assume_utc(moment: datetime) -> datetime:
    """A time stamp that comes in without an offset is UTC (contract, section 1).

    It is turned to UTC here, since Postgres knows no offset of 16 hours and more.

    Raises:
        ValueError: the moment lies outside of the years 1 to 9999.

    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(moment) from error


TaskId = Annotated[int, Path(ge=1, lt=2**63)]
AssignmentId = Annotated[int, Path(ge=1, lt=2**63)]

IdFilter = Annotated[int | None, Query(ge=1, lt=2**63)]
Moment = Annotated[datetime | None, AfterValidator(lambda moment: moment and assume_utc(moment)), Query()]
StageFilter = Annotated[
    str | None, Query(min_length=1, max_length=100, pattern=r"^[^\x00]+$", description="A stage's name")
]
Attempt = Annotated[int | None, Query(ge=1, lt=2**31, description="Default: the current attempt")]
Cursor = Annotated[
    str | None, Query(max_length=100, description="`next_cursor` of the page before; default: the first page")
]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="Items per page")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="The same key again has no second effect and gets the same answer",
    ),
]
