"""Moments that people enter as a local date and time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from core.errors import NoSuchTime


def due_moment(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which clocks in `zone` show the naive `local`; of two, the later one."""
    return local.replace(tzinfo=zone, fold=1)


def check_exists(moment: datetime, field: str) -> datetime:
    """Return `moment`, whose zone is a `ZoneInfo`, if clocks there ever show it.

    Raises:
        NoSuchTime: they skip it when daylight saving begins. `field` names it.

    """
    if moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise NoSuchTime(field=field, value=f"{moment:%Y-%m-%d %H:%M}", zone=str(moment.tzinfo))
    return moment
