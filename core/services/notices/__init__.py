"""Notices that a result has arrived: one per attempt, for the student whose submission it is."""

from core.services.notices.reading import Notice, list_unread, mark_all_read, mark_read
from core.services.notices.recording import CRASH_SETTLES, Ended, announce, withdraw

__all__ = [
    "CRASH_SETTLES",
    "Ended",
    "Notice",
    "announce",
    "list_unread",
    "mark_all_read",
    "mark_read",
    "withdraw",
]
