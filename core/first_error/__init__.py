"""The first real error in what a program printed, and which errors have the same cause.

`find_first_error` knows the output of the common test frameworks, compilers and interpreters, and of
the demo's containers. Its result groups failures (`FirstError.cause`) and explains them on the screens
(`FirstError.sentence`). Pure functions, linear in the length of the output.

docs/decisions/0013-failure-groups.md
"""

from core.first_error.causes import fold, without_place
from core.first_error.finding import FirstError, find_first_error, is_summary

__all__ = ["FirstError", "find_first_error", "fold", "is_summary", "without_place"]
