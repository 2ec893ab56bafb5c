"""The end of a process in which a thread met an error that was not expected.

A process that lives on without one of its threads looks healthy and is not; a supervisor starts it
again as a whole.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Collection

INCIDENT = os.EX_SOFTWARE
"""Exit code after an unexpected error."""

logger = logging.getLogger(__name__)


def end_on_unexpected_errors(spared: Collection[str] = ()) -> None:
    """End this process at once, as a kill would, when a thread ends with an exception.

    `spared`: names of threads whose end is noticed and handled by others.
    """

    def end(failure: threading.ExceptHookArgs) -> None:
        name = failure.thread.name if failure.thread else "?"
        if name in spared:
            threading.__excepthook__(failure)
            return
        error = failure.exc_value or failure.exc_type()
        logger.critical(
            "incident: %s met %s, which nobody foresaw; this process ends, to be started again",
            name,
            failure.exc_type.__name__,
            exc_info=(failure.exc_type, error, failure.exc_traceback),
        )
        logging.shutdown()
        sys.stderr.flush()
        os._exit(INCIDENT)

    threading.excepthook = end
