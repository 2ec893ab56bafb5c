"""Courses and who is in them."""

from core.services.courses.editing import create_course, enrol
from core.services.courses.invitations import Delivery, Invitation, invite_again, invite_all_again
from core.services.courses.members import MemberAdded, add_member, remove_member, set_role
from core.services.courses.reading import (
    CourseSummary,
    Member,
    get_course,
    get_member,
    list_members,
    list_my_courses,
    list_students,
    strongest_role,
)
from core.services.courses.roster import (
    LARGEST_FILE,
    RosterEntry,
    RosterOutcome,
    RosterRejection,
    check_may_import,
    import_roster,
)
from core.services.courses.roster_corrections import RosterCorrection
from core.services.courses.roster_file import RosterSheet

__all__ = [
    "LARGEST_FILE",
    "CourseSummary",
    "Delivery",
    "Invitation",
    "Member",
    "MemberAdded",
    "RosterCorrection",
    "RosterEntry",
    "RosterOutcome",
    "RosterRejection",
    "RosterSheet",
    "add_member",
    "check_may_import",
    "create_course",
    "enrol",
    "get_course",
    "get_member",
    "import_roster",
    "invite_again",
    "invite_all_again",
    "list_members",
    "list_my_courses",
    "list_students",
    "remove_member",
    "set_role",
    "strongest_role",
]
