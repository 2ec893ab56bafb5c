"""What servers answer when asked about their files."""

from __future__ import annotations

import re
from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_UNIX_LINE = re.compile(
    r"(?P<kind>[-dlbcps])\S{9,10}\s+\d+\s+\S+\s+\S+\s+(?P<size>\d+)\s+"
    r"(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+(?P<clock>\d{4}|\d{1,2}:\d{2})\s(?P<name>.+)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on the server."""

    path: str
    size: int
    modified: datetime
    """Aware UTC, to the second where the server has MLSD or MDTM, else to the minute or day."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a listing."""

    name: str
    is_folder: bool
    size: int
    modified: datetime


def parse_mlsx(line: str, now: datetime) -> Item | None:
    """A line of MLSD or MLST (RFC 3659, section 7.2); None for what is neither file nor folder.

    `now` stands for a time that is not told: so a file never looks older than it is.
    """
    facts_text, _, name = line.strip().partition(" ")
    pairs = (fact.partition("=") for fact in facts_text.split(";"))
    facts = {key.lower(): value for key, _, value in pairs}
    kind = facts.get("type", "").lower()
    if kind not in ("file", "dir"):
        return None
    return Item(
        name=name,
        is_folder=kind == "dir",
        size=int(facts.get("size", "0")) if kind == "file" else 0,
        modified=parse_time(facts["modify"]) if "modify" in facts else now,
    )


def parse_list(line: str, now: datetime) -> Item | None:
    """A line of LIST as Unix servers write it; None for what is neither file nor folder.

    It has no year for the last months, and no zone: the server's is taken for UTC. `now` stands
    for a time that is not told: so a file never looks older than it is.
    """
    match = _UNIX_LINE.fullmatch(line.strip())
    if match is None or match["kind"] not in "-d" or match["name"] in (".", ".."):
        return None
    return Item(
        name=match["name"],
        is_folder=match["kind"] == "d",
        size=int(match["size"]),
        modified=_parse_list_time(match["month"], int(match["day"]), match["clock"], now),
    )


def _parse_list_time(month: str, day: int, clock: str, now: datetime) -> datetime:
    if month not in _MONTHS:
        return now
    number = _MONTHS.index(month) + 1
    hour, colon, minute = clock.partition(":")
    if not colon:
        return datetime(int(clock), number, day, tzinfo=UTC)
    for year in (now.year, now.year - 1):
        if (number, day) == (2, 29) and not isleap(year):
            continue
        found = datetime(year, number, day, int(hour), int(minute), tzinfo=UTC)
        if found <= now + timedelta(days=1):
            return found
    return now


def parse_time(text: str) -> datetime:
    """A time of MDTM or the fact `modify` (RFC 3659, section 2.3), which is UTC."""
    return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
