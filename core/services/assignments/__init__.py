"""Assignments: a definition opened to a course from a start to a due date."""

from core.services.assignments.editing import (
    AssignmentDraft,
    create_assignment,
    delete_assignment,
    duplicate_assignment,
    update_assignment,
)
from core.services.assignments.extensions import (
    Extension,
    grant_extensions,
    list_extensions,
    withdraw_extension,
)
from core.services.assignments.own_work import (
    AssignmentInFull,
    AssignmentWithLatest,
    get_with_own_work,
    list_with_own_work,
)
from core.services.assignments.reading import (
    AssignmentView,
    StatementFile,
    get_assignment,
    list_assignments,
)
from core.services.assignments.rules import AssignmentRules
from core.services.assignments.statement import (
    STATEMENT_LIMIT_MB,
    open_statement,
    put_statement,
    remove_statement,
)

__all__ = [
    "STATEMENT_LIMIT_MB",
    "AssignmentDraft",
    "AssignmentInFull",
    "AssignmentRules",
    "AssignmentView",
    "AssignmentWithLatest",
    "Extension",
    "StatementFile",
    "create_assignment",
    "delete_assignment",
    "duplicate_assignment",
    "get_assignment",
    "get_with_own_work",
    "grant_extensions",
    "list_assignments",
    "list_extensions",
    "list_with_own_work",
    "open_statement",
    "put_statement",
    "remove_statement",
    "update_assignment",
    "withdraw_extension",
]
