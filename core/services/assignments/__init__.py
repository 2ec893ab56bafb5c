"""Assignments: a definition opened to a course from a start to a due date."""

from core.services.assignments.editing import (
    AssignmentDraft,
    create_assignment,
    delete_assignment,
    update_assignment,
)
from core.services.assignments.own_work import (
    AssignmentInFull,
    AssignmentWithLatest,
    get_with_own_work,
    list_with_own_work,
)
from core.services.assignments.reading import AssignmentView, get_assignment, list_assignments

__all__ = [
    "AssignmentDraft",
    "AssignmentInFull",
    "AssignmentView",
    "AssignmentWithLatest",
    "create_assignment",
    "delete_assignment",
    "get_assignment",
    "get_with_own_work",
    "list_assignments",
    "list_with_own_work",
    "update_assignment",
]
