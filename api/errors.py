"""Errors as RFC 9457 problem JSON, with `detail` as a string (the web UI shows it)."""

from __future__ import annotations

import errno
import logging
import secrets
from collections.abc import Mapping
from types import MappingProxyType

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.body_limit import LIMIT_MB
from api.validation import explain
from core import errors

logger = logging.getLogger(__name__)

STATUSES: Mapping[type[errors.UlosError], int] = MappingProxyType(
    {
        errors.NotSignedIn: 401,
        errors.NotAllowed: 403,
        errors.NotFound: 404,
        errors.WrongMethod: 405,
        errors.TooManyAttempts: 429,
        errors.TooLarge: 413,
        errors.BadArchive: 415,
        errors.BadByteRange: 416,
        errors.Invalid: 422,
        errors.Conflict: 409,
        errors.Unavailable: 503,
        errors.UlosError: 400,
    }
)
"""HTTP number of each error; a class without one has its base's."""

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

_BUG = {
    "en": "Something went wrong on our side. Tell us this number: {incident}",
    "es": "Algo falló de nuestro lado. Cuéntanos este número: {incident}",
}


def status_of(error: errors.UlosError) -> int:
    """The HTTP number of `error`, by the nearest class in the table."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def language_of(request: Request) -> str:
    """`en` or `es`, whichever `Accept-Language` names first; Spanish when it names neither."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        language = part.split(";")[0].strip()[:2]
        if language in {"en", "es"}:
            return language
    return "es"


def problem(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None, **more: object
) -> JSONResponse:
    """One problem document; `more` are members of its own kind (RFC 9457, section 3.2)."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail} | more,
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


def _told(request: Request, error: errors.UlosError, headers: dict[str, str] | None = None) -> JSONResponse:
    language = language_of(request)
    return problem(
        status_of(error), type(error).__name__, error.sentence(language), headers, **_more(error, language)
    )


def _more(error: errors.UlosError, language: str) -> dict[str, object]:
    """What programs want to know beyond the sentence: the field that is wrong, what is in the way."""
    if isinstance(error, errors.Invalid) and "field" in error.values:
        return {"errors": [_field_problem(error, language)]}
    if isinstance(error, errors.InUse):
        return {"names": list(error.names)}
    return {}


def _field_problem(error: errors.Invalid, language: str) -> dict[str, str]:
    return {"field": str(error.values["field"]), "detail": error.sentence(language)}


async def _no_space(request: Request, error: Exception) -> JSONResponse:
    """Answer a full folder for temporary files; other errors of the system are bugs."""
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return _told(request, errors.NoSpace(), {"Retry-After": "5"})
    raise error


def install(app: FastAPI) -> None:
    """Answer every error in the same shape."""

    async def expected(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, errors.UlosError):
            raise error
        status = status_of(error)
        headers = {
            401: {"WWW-Authenticate": "Bearer"},
            429: {"Retry-After": "900"},
            503: {"Retry-After": "5"},
        }
        return _told(request, error, headers.get(status))

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            raise error
        language, found = language_of(request), explain(error.errors())
        named = [_field_problem(entry, language) for entry in found]
        return problem(422, "Invalid", " ".join(entry["detail"] for entry in named), errors=named)

    async def plain(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code in OF_THE_FRAMEWORK:
            return _told(request, OF_THE_FRAMEWORK[error.status_code], dict(error.headers or {}))
        return problem(error.status_code, "HTTP", str(error.detail), dict(error.headers or {}))

    async def bug(request: Request, error: Exception) -> JSONResponse:
        incident = secrets.token_hex(4)
        logger.error("incident %s at %s", incident, request.url.path, exc_info=error)
        return problem(500, "Incident", _BUG[language_of(request)].format(incident=incident))

    app.add_exception_handler(errors.UlosError, expected)
    app.add_exception_handler(OSError, _no_space)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, bug)
