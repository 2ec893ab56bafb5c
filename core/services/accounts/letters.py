"""What mails say, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.vocabulary import LinkPurpose

_TEXTS: Mapping[tuple[LinkPurpose, str], tuple[str, str]] = MappingProxyType(
    {
        (LinkPurpose.INVITATION, "es"): (
            "ULOS: tu cuenta para {course}",
            """Hola{name}:

Tienes una cuenta en ULOS para {course}. Define tu contraseña con este enlace:

{url}

El enlace sirve una sola vez, durante 7 días. Si vence, pide otro en la pantalla de inicio de sesión
con «Olvidé mi contraseña».
""",
        ),
        (LinkPurpose.INVITATION, "en"): (
            "ULOS: your account for {course}",
            """Hello{name},

You have an account in ULOS for {course}. Set your password with this link:

{url}

The link works once, for 7 days. If it expires, ask for another one on the sign-in screen with
“Forgot my password”.
""",
        ),
        (LinkPurpose.RESET, "es"): (
            "ULOS: define una contraseña nueva",
            """Hola{name}:

Alguien, probablemente tú, pidió una contraseña nueva para tu cuenta en ULOS. Defínela aquí:

{url}

El enlace sirve una sola vez, durante 1 hora. Si no lo pediste, ignora este mensaje: tu contraseña
sigue siendo la misma.
""",
        ),
        (LinkPurpose.RESET, "en"): (
            "ULOS: set a new password",
            """Hello{name},

Somebody, probably you, asked for a new password for your account in ULOS. Set it here:

{url}

The link works once, for 1 hour. If you did not ask for it, ignore this message: your password stays
as it is.
""",
        ),
        (LinkPurpose.REGISTRATION, "es"): (
            "ULOS: confirma tu correo",
            """Hola:

Alguien, probablemente tú, pidió una cuenta en ULOS con este correo. Para crearla, define tu contraseña aquí:

{url}

El enlace sirve una sola vez, durante 1 día. Si no la pediste, ignora este mensaje: no se crea nada.
""",
        ),
        (LinkPurpose.REGISTRATION, "en"): (
            "ULOS: confirm your e-mail",
            """Hello,

Someone, probably you, asked for an account in ULOS with this e-mail. To create it, set your password here:

{url}

The link works once, for 1 day. If you did not ask for it, ignore this message: nothing is created.
""",
        ),
    }
)

_KNOWN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "es": (
            "ULOS: ya tienes una cuenta",
            """Hola:

Alguien, probablemente tú, pidió una cuenta en ULOS con este correo, que ya tiene una. Inicia sesión aquí:

{url}

Si no recuerdas tu contraseña, elige «Olvidé mi contraseña» en esa pantalla.
""",
        ),
        "en": (
            "ULOS: you already have an account",
            """Hello,

Someone, probably you, asked for an account in ULOS with this e-mail, which already has one. Sign in here:

{url}

If you do not remember your password, choose “Forgot my password” on that screen.
""",
        ),
    }
)
"""To a person who registers again: on the screen the answer is the same for everybody."""


def compose_known(language: str, *, url: str) -> tuple[str, str]:
    """Return subject and text of the mail that says that there is an account already."""
    subject, text = _KNOWN[language if language in _KNOWN else "es"]
    return subject, text.format(url=url)


def compose(purpose: LinkPurpose, language: str, *, name: str, course: str, url: str) -> tuple[str, str]:
    """Subject and text of a mail that carries `url`."""
    subject, text = _TEXTS[purpose, language if language in {"es", "en"} else "es"]
    values = {
        "name": f" {' '.join(name.split())}" if name else "",
        "course": " ".join(course.split()) or "ULOS",
    }
    return subject.format(**values), text.format(**values, url=url)
