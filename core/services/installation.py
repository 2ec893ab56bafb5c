"""The installation as its admins see it: the settings in force."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from core.auth import Right, require
from core.context import Actor, Context


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting under its name in the environment. `value` is empty where none is set or may be told."""

    name: str
    value: str
    description: str
    is_hidden: bool
    """A secret that is set: that it is, is told, and nothing more."""


def list_settings(ctx: Context, actor: Actor) -> list[Setting]:
    """The settings in force, as they stand in the configuration.

    Raises:
        NotAllowed: the actor is no admin.

    """
    check_admin(ctx, actor)
    settings = ctx.settings
    return [
        _setting(name, getattr(settings, name), field.description or "")
        for name, field in type(settings).model_fields.items()
    ]


def check_admin(ctx: Context, actor: Actor) -> None:
    """Let only those pass who administer the installation.

    Raises:
        NotAllowed: the actor is no admin.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_INSTALLATION)


def _setting(name: str, value: object, description: str) -> Setting:
    parts = value if isinstance(value, tuple) else (value,)
    secret = [part for part in parts if isinstance(part, SecretStr)]
    is_hidden = any(part.get_secret_value() for part in secret)
    shown = "" if secret else ", ".join(_text(part) for part in parts)
    return Setting(f"ULOS_{name.upper()}", shown, description, is_hidden)


def _text(value: object) -> str:
    """`value` as it is written in the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
