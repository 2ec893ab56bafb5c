"""Moments and spans in words, in the course's zone and, where it differs, in the reader's."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard import i18n, shell

_ = i18n.gettext

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def moment_text(moment: datetime, visit: shell.Visit) -> str:
    """`moment` in the course's zone; with the reader's own beside it where clocks differ."""
    text = f"{i18n.datetime_text(moment, visit.zone)} ({_city(visit.zone)})"
    own = _own_zone()
    if own is None or moment.astimezone(own).utcoffset() == moment.astimezone(visit.zone).utcoffset():
        return text
    return text + " · " + _("{moment} for you").format(moment=i18n.datetime_text(moment, own))


def left_text(end: datetime, now: datetime) -> str:
    """How long until `end`, or how long since, in two units at most."""
    if end < now:
        return _("{time} ago").format(time=i18n.duration_text((now - end).total_seconds()))
    left = end - now
    if left < _DAY or left >= 7 * _DAY:
        return _("{time} left").format(time=i18n.duration_text(left.total_seconds()))
    days = i18n.duration_text(left.days * 86_400)
    rest = left - timedelta(days=left.days)
    whole = rest - rest % (_HOUR if rest >= _HOUR else _MINUTE)  # rounded, the 24th hour would be named
    more = f" {i18n.duration_text(whole.total_seconds())}" if whole else ""
    return _("{time} left").format(time=f"{days}{more}")


def span_text(low: float, high: float) -> str:
    """A range of seconds in words, coarse."""
    least, most = i18n.duration_text(low), i18n.duration_text(high)
    return most if least == most else _("{least} to {most}").format(least=least, most=most)


def clock_text(moment: datetime, zone: ZoneInfo) -> str:
    """The time of day, to the second."""
    return f"{moment.astimezone(zone):%H:%M:%S}"


def _own_zone() -> ZoneInfo | None:
    """The zone that the browser says; None where it says none that is known."""
    try:
        return ZoneInfo(st.context.timezone or "")
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _city(zone: ZoneInfo) -> str:
    return zone.key.rsplit("/", 1)[-1].replace("_", " ")
