"""The mail that says that a result has arrived."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Context
from core.models import Assignment, ResultNotice, Task, User
from core.vocabulary import StageStatus

_WORDS: Mapping[tuple[bool, str], str] = MappingProxyType(
    {(True, "es"): "pasó", (False, "es"): "falló", (True, "en"): "passed", (False, "en"): "failed"}
)
_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "es": (
            "ULOS: tu entrega de {assignment} {word}",
            """Hola{name}:

Llegó el resultado de tu entrega {reference} de {assignment}: {word}. Míralo aquí:

{url}

Recibes este mensaje porque lo pediste en la pantalla Cuenta de ULOS; allí también puedes dejar de
recibirlo.
""",
        ),
        "en": (
            "ULOS: your submission to {assignment} {word}",
            """Hello{name},

The result of your submission {reference} to {assignment} has arrived: it {word}. See it here:

{url}

You get this mail because you asked for it on the screen Account of ULOS; there you can also stop it.
""",
        ),
    }
)


def compose_result(session: Session, ctx: Context, notice_id: int, user: User) -> tuple[str, str]:
    """Subject and text of the mail for a notice, in the reader's language."""
    task_id, status, reference, assignment = session.execute(
        select(ResultNotice.task_id, ResultNotice.status_id, Task.reference, Assignment.assignment_name)
        .join(Task, Task.id == ResultNotice.task_id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .where(ResultNotice.id == notice_id)
    ).one()
    language = user.language or ctx.settings.language
    subject, text = _TEXTS[language if language in _TEXTS else "es"]
    values = {
        "name": f" {' '.join(user.full_name.split())}" if user.full_name else "",
        "assignment": " ".join(assignment.split()),
        "reference": reference,
        "word": _WORDS[status == StageStatus.COMPLETED, language if language in _TEXTS else "es"],
        "url": f"{ctx.settings.dashboard_url}/my_work?task={task_id}",
    }
    return subject.format(**values), text.format(**values)
