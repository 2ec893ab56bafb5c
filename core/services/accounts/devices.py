"""Known devices: browsers in which an account has signed in before.

Failed sign-ins of a known device are counted on their own, so that guesses from elsewhere never slow
the owner down (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeTimedSerializer

from core.context import Context

DEVICE_LIFE = timedelta(days=180)

_MOST_ACCOUNTS = 10
"""Accounts that one browser is known for; of more, the latest."""


def remember_device(ctx: Context, cookie: str, person_id: int) -> str:
    """Return the value of the cookie by which this browser is known for the person, besides earlier ones.

    `cookie` is the present value, if any.
    """
    device, people = _read(ctx, cookie) or (secrets.token_hex(16), [])
    known = [other for other in people if other != person_id]
    return _signer(ctx).dumps([device, [*known, person_id][-_MOST_ACCOUNTS:]])


def find_device(ctx: Context, cookie: str, person_id: int) -> str | None:
    """Return the id of the device if `cookie` says that it is known for the person."""
    found = _read(ctx, cookie)
    if found is None or person_id not in found[1]:
        return None
    return found[0]


def _read(ctx: Context, cookie: str) -> tuple[str, list[int]] | None:
    try:
        device, people = _signer(ctx).loads(cookie, max_age=int(DEVICE_LIFE.total_seconds()))
    except BadSignature:
        return None
    return device, people


def _signer(ctx: Context) -> URLSafeTimedSerializer:
    """The present key signs, earlier ones still verify."""
    keys = [*reversed(ctx.settings.old_secret_keys), ctx.settings.secret_key]
    return URLSafeTimedSerializer([key.get_secret_value() for key in keys], salt="known-device")
