"""HTTP status of each error: the only place that decides numbers, for the API and the dashboard alike."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core import errors

STATUSES: Mapping[type[errors.UlosError], int] = MappingProxyType(
    {
        errors.NotSignedIn: 401,
        errors.NotAllowed: 403,
        errors.RegistrationClosed: 403,
        errors.NotFound: 404,
        errors.WrongMethod: 405,
        errors.TooManyAttempts: 429,
        errors.TooManyUploads: 429,
        errors.TooLarge: 413,
        errors.BadArchive: 415,
        errors.BadByteRange: 416,
        errors.Invalid: 422,
        errors.Conflict: 409,
        errors.Unavailable: 503,
        errors.UlosError: 400,
    }
)
"""A class without a number of its own has its base's."""

_RETRY_SECONDS: Mapping[type[errors.UlosError], int] = MappingProxyType(
    {errors.TooManyUploads: 5, errors.Unavailable: 5}
)


def status_of(error: errors.UlosError) -> int:
    """Return the HTTP status of `error`, by the nearest class in the table."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def headers_of(error: errors.UlosError) -> dict[str, str]:
    """Return the headers that belong to the status of `error`: when to retry, how to sign in."""
    headers = {}
    seconds = next((_RETRY_SECONDS[kind] for kind in type(error).__mro__ if kind in _RETRY_SECONDS), None)
    if isinstance(error, errors.TooManyAttempts):
        seconds = error.retry_after
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    if isinstance(error, errors.NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    return headers
