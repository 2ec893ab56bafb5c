"""Every page: its file, its path, and who sees it. Anything else is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.vocabulary import Role

PAGES = Path(__file__).resolve().parent.parent / "pages"

_TEACHES = frozenset({"professor", "monitor", "admin"})
_ALL = frozenset({*(role.value for role in Role), "admin", "none"})


@dataclass(frozen=True, slots=True)
class Screen:
    """One page. `title` is a source string; `roles` may open it."""

    path: str
    title: str
    roles: frozenset[str]
    listed: bool = True
    """Whether the menu shows it; what is not listed is reached by links."""

    @property
    def file(self) -> Path:
        """The script."""
        return PAGES / f"{self.path}.py"


SCREENS = (
    Screen("my_work", "My work", frozenset({"student"})),
    Screen("assignments", "Assignments", _TEACHES),
    Screen("submissions", "Submissions", _TEACHES),
    Screen("monitoring", "Monitoring", _TEACHES),
    Screen("task", "Submission", _TEACHES, listed=False),
    Screen("definitions", "Definitions", _TEACHES),
    Screen("courses", "Courses", _ALL),
    Screen("receipt", "Receipt", _ALL),
    Screen("account", "Account", _ALL),
    Screen("admin", "Administration", frozenset({"admin"})),
)

LINK_SCREEN = "set_password"
"""Path of the screen that links in mails lead to: for everybody, signed in or not, in no menu."""
