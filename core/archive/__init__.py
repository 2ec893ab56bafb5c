"""Zip archives of students: checked before anything is stored, unpacked and read with care.

The reader is our own and strict (docs/decisions/0009-archive-checks.md): it accepts only what
every other reader understands in the same way, so nothing hides between two interpretations.
"""

from core.archive.checks import ArchiveSummary, check_names, inspect
from core.archive.folders import pack, unpack
from core.archive.leftovers import is_leftover
from core.archive.limits import DEFAULTS, Limits
from core.archive.names import is_ignored, normal_name
from core.archive.results import Member, MemberInfo, list_members, read_member, read_output

__all__ = [
    "DEFAULTS",
    "ArchiveSummary",
    "Limits",
    "Member",
    "MemberInfo",
    "check_names",
    "inspect",
    "is_ignored",
    "is_leftover",
    "list_members",
    "normal_name",
    "pack",
    "read_member",
    "read_output",
    "unpack",
]
