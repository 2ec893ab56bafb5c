"""Children that never outlive their parent, whatever kills it."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel to send us `number` when our parent dies. Kept over exec; Linux only.

    Elsewhere this does nothing: there only an orderly end stops the children.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
