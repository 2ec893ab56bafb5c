"""The systems that we depend on, in words."""

from __future__ import annotations

from core.services.health import LastError
from dashboard import i18n, moments
from dashboard.shell import Visit

_ = i18n.gettext


def names() -> dict[str, str]:
    """Component → what it is called on the screen."""
    return {
        "database": _("Database"),
        "schema": _("Tables of the database"),
        "files": _("File server"),
        "broker": _("Message broker"),
        "worker": _("Worker"),
        "nodes": _("Processing of submissions"),
    }


def last_error_text(last: LastError, visit: Visit) -> str:
    """When a component was in trouble last, and with what."""
    return _("{name}: last trouble {moment}. {error}").format(
        name=names()[last.component],
        moment=moments.moment_text(last.at, visit),
        error=i18n.plain(last.texts[i18n.language()]),
    )
