"""Moments that people enter as a local date and time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from core.errors import NoSuchTime


def due_moment(local: datetime, zone: ZoneInfo, field: str) -> datetime:
    """Return the moment at which clocks in `zone` show the naive `local`; of two, the later one.

    Raises:
        NoSuchTime: the clocks skip it when daylight saving begins. `field` names it.

    """
    moment = local.replace(tzinfo=zone, fold=1)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise NoSuchTime(field=field, value=f"{local:%Y-%m-%d %H:%M}", zone=zone.key)
    return moment


def start_moment(local: datetime, zone: ZoneInfo, field: str) -> datetime:
    """Return as `due_moment`, but of two moments the earlier one."""
    return due_moment(local, zone, field).replace(fold=0)
