"""Answer every error of the API in one shape; `web/problems.py` writes it."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping
from types import MappingProxyType

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.validation import explain
from core import errors
from web.body_limit import LIMIT_MB
from web.problems import field_problem, incident, language_of, problem, problem_of

logger = logging.getLogger(__name__)

OF_THE_FRAMEWORK: Mapping[int, errors.UlosError] = MappingProxyType(
    {
        400: errors.UnreadableBody(),
        404: errors.NoSuchAddress(),
        405: errors.WrongMethod(),
        413: errors.BodyTooLarge(limit_mb=LIMIT_MB),
    }
)
"""What the framework says by number alone, in our words. 400: a body that is not even text or JSON."""

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What writing to a full folder for temporary files ends with."""


async def _no_space(request: Request, error: Exception) -> JSONResponse:
    """Answer a full folder for temporary files; other errors of the system are bugs."""
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return problem_of(errors.NoSpace(), language_of(request))
    raise error


def install(app: FastAPI) -> None:
    """Answer every error in the same shape."""

    async def expected(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, errors.UlosError):
            raise error
        return problem_of(error, language_of(request))

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            raise error
        language, found = language_of(request), explain(error.errors())
        named = [field_problem(entry, language) for entry in found]
        return problem(422, "Invalid", " ".join(entry["detail"] for entry in named), errors=named)

    async def plain(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code in OF_THE_FRAMEWORK:
            return problem_of(OF_THE_FRAMEWORK[error.status_code], language_of(request), error.headers)
        return problem(error.status_code, "HTTP", str(error.detail), error.headers)

    async def bug(request: Request, error: Exception) -> JSONResponse:
        return incident(logger, request, error, language_of(request))

    app.add_exception_handler(errors.UlosError, expected)
    app.add_exception_handler(OSError, _no_space)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, bug)
