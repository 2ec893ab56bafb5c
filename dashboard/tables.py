"""Labels and badges: a status is always a symbol and a word, never colour alone."""

from __future__ import annotations

from core.vocabulary import AssignmentState, Role, StageStatus
from dashboard import i18n

_ = i18n.gettext


def status_label(status: StageStatus | None) -> str:
    """A status in words with its symbol; None is somebody who has not submitted."""
    labels = {
        None: "– " + _("Not submitted"),
        StageStatus.PENDING: "○ " + _("Waiting"),
        StageStatus.IN_PROGRESS: "◐ " + _("Running"),
        StageStatus.COMPLETED: "✔ " + _("Passed"),
        StageStatus.FAILED: "✖ " + _("Failed"),
    }
    return labels[status]


def submission_label(status: StageStatus | None, *, is_late: bool) -> str:
    """A submission's status, and that it came late if it did."""
    return f"{status_label(status)} · ◷ {_('Late')}" if is_late else status_label(status)


def stage_label(status: StageStatus, *, after_failure: bool) -> str:
    """As `status_label`; what lies behind a failed stage is not run."""
    return "– " + _("Not run") if after_failure and status is StageStatus.PENDING else status_label(status)


def state_label(state: AssignmentState) -> str:
    """What the dates of an assignment mean now."""
    return {
        AssignmentState.UPCOMING: "◷ " + _("Upcoming"),
        AssignmentState.OPEN: "● " + _("Open"),
        AssignmentState.CLOSED: "■ " + _("Closed"),
    }[state]


def role_label(role: Role | None) -> str:
    """What somebody is in a course; a dash for an admin who is no member."""
    labels = {
        None: "—",
        Role.PROFESSOR: _("Professor"),
        Role.MONITOR: _("Monitor"),
        Role.STUDENT: _("Student"),
    }
    return labels[role]
