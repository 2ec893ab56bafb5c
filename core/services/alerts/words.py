"""What is said of an incident, on screens and in notices, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from core.vocabulary import AlertKind

_TITLES: Mapping[str, Mapping[AlertKind, str]] = MappingProxyType(
    {
        "en": {
            AlertKind.WAITING: "Submissions wait too long",
            AlertKind.FAILURES: "More failures than usual",
            AlertKind.SILENCE: "No reports although something runs",
            AlertKind.PARKED: "Parked reports",
            AlertKind.NO_CONSUMER: "Nobody takes submissions from a queue",
            AlertKind.UNREACHABLE: "A system does not answer",
            AlertKind.WRITES: "Files cannot be written",
            AlertKind.DISK: "Little disk space",
            AlertKind.ROUTING: "A queue gets tasks that are not for it",
            AlertKind.WORKER: "The worker does not work",
            AlertKind.CRASH_LOOP: "Submissions crash over and over",
        },
        "es": {
            AlertKind.WAITING: "Hay entregas que esperan demasiado",
            AlertKind.FAILURES: "Más fallas que de costumbre",
            AlertKind.SILENCE: "Sin reportes aunque algo está en curso",
            AlertKind.PARKED: "Reportes apartados",
            AlertKind.NO_CONSUMER: "Nadie toma entregas de una cola",
            AlertKind.UNREACHABLE: "Un sistema no responde",
            AlertKind.WRITES: "No se pueden escribir archivos",
            AlertKind.DISK: "Poco espacio en disco",
            AlertKind.ROUTING: "Una cola recibe tareas que no le tocan",
            AlertKind.WORKER: "El proceso de fondo no trabaja",
            AlertKind.CRASH_LOOP: "Hay entregas que se caen una y otra vez",
        },
    }
)

_SENTENCES: Mapping[str, Mapping[AlertKind, str]] = MappingProxyType(
    {
        "en": {
            AlertKind.WAITING: "The oldest submission has waited for {value}; the limit is {threshold}.",
            AlertKind.FAILURES: "{value} % of what ended within an hour failed; by the four weeks before,"
            " more than {threshold} % is out of the ordinary.",
            AlertKind.SILENCE: "Something runs, but no report has come for {value}; the limit is"
            " {threshold}.",
            AlertKind.PARKED: "{value} reports could not be applied and wait for somebody.",
            AlertKind.NO_CONSUMER: "Submissions lie in the queue {subject} and no node has taken from it for"
            " {value}.",
            AlertKind.UNREACHABLE: "{subject} has not answered for {value}. Accepted work is kept.",
            AlertKind.WRITES: "A file has waited for {value} to be written to the file server. Accepted"
            " work is kept.",
            AlertKind.DISK: "Of the disk of the file server {value} % is free; it should be {threshold} %.",
            AlertKind.ROUTING: "For {value} RabbitMQ may have had a binding that copies tasks: {subject}."
            " Remove it with python -m core topology clean.",
            AlertKind.WORKER: "The worker has not worked for {value}. Accepted work is kept; restart it.",
            AlertKind.CRASH_LOOP: "{value} submissions crash and are handed out again without end. Check"
            " that the nodes do not requeue rejected tasks.",
        },
        "es": {
            AlertKind.WAITING: "La entrega más antigua ha esperado {value}; el límite es {threshold}.",
            AlertKind.FAILURES: "Falló el {value} % de lo que terminó en una hora; según las cuatro semanas"
            " anteriores, más del {threshold} % se sale de lo común.",
            AlertKind.SILENCE: "Algo está en curso, pero no ha llegado ningún reporte en {value}; el"
            " límite es {threshold}.",
            AlertKind.PARKED: "{value} reportes no se pudieron aplicar y esperan a alguien.",
            AlertKind.NO_CONSUMER: "Hay entregas en la cola {subject} y ningún nodo toma de ella desde hace"
            " {value}.",
            AlertKind.UNREACHABLE: "{subject} no responde desde hace {value}. Lo aceptado está guardado.",
            AlertKind.WRITES: "Un archivo espera desde hace {value} a ser escrito en el servidor de"
            " archivos. Lo aceptado está guardado.",
            AlertKind.DISK: "En el disco del servidor de archivos queda libre el {value} %; debería ser el"
            " {threshold} %.",
            AlertKind.ROUTING: "Desde hace {value} RabbitMQ puede tener un enlace que copia tareas:"
            " {subject}. Quítalo con python -m core topology clean.",
            AlertKind.WORKER: "El proceso de fondo no trabaja desde hace {value}. Lo aceptado está"
            " guardado; reinícialo.",
            AlertKind.CRASH_LOOP: "{value} entregas se caen y se reparten de nuevo sin fin. Revisa que los"
            " nodos no reencolen las tareas rechazadas.",
        },
    }
)

_ONE: Mapping[str, Mapping[AlertKind, str]] = MappingProxyType(
    {
        "en": {
            AlertKind.PARKED: "One report could not be applied and waits for somebody.",
            AlertKind.CRASH_LOOP: "One submission crashes and is handed out again without end. Check that"
            " the nodes do not requeue rejected tasks.",
        },
        "es": {
            AlertKind.PARKED: "Un reporte no se pudo aplicar y espera a alguien.",
            AlertKind.CRASH_LOOP: "Una entrega se cae y se reparte de nuevo sin fin. Revisa que los nodos"
            " no reencolen las tareas rechazadas.",
        },
    }
)
"""Where the figure is 1."""

_SYSTEMS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {"files": "The file server", "broker": "The queue"},
        "es": {"files": "El servidor de archivos", "broker": "La cola"},
    }
)

_MINUTES = (
    AlertKind.WAITING,
    AlertKind.SILENCE,
    AlertKind.NO_CONSUMER,
    AlertKind.UNREACHABLE,
    AlertKind.WRITES,
    AlertKind.ROUTING,
    AlertKind.WORKER,
)
"""Kinds whose figures are minutes."""

_SIZES = (86_400, 3_600, 60, 1)
_UNITS: Mapping[str, Sequence[tuple[str, str]]] = MappingProxyType(
    {
        "en": (("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds")),
        "es": (("día", "días"), ("hora", "horas"), ("minuto", "minutos"), ("segundo", "segundos")),
    }
)

LANGUAGES = tuple(_TITLES)


def title(kind: AlertKind, language: str) -> str:
    """What is wrong, in a few words."""
    return _TITLES[language][kind]


def sentence(kind: AlertKind, language: str, *, subject: str, value: float, threshold: float) -> str:
    """What is wrong, with its figures as people say them."""
    named = _SYSTEMS[language].get(subject, subject)
    said = [span(number, language) if kind in _MINUTES else _short(number) for number in (value, threshold)]
    texts = _ONE if kind in _ONE[language] and value == 1 else _SENTENCES
    return texts[language][kind].format(subject=named, value=said[0], threshold=said[1])


def span(minutes: float, language: str) -> str:
    """How long something has lasted, in its two largest units: 19 days 11 hours."""
    left = round(60 * minutes)
    parts: list[str] = []
    for size, (one, many) in zip(_SIZES, _UNITS[language], strict=True):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {one if count == 1 else many}" if count else "")
    return " ".join(part for part in parts[:2] if part) or f"0 {_UNITS[language][-1][1]}"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0") if number < 10 else f"{number:.0f}"  # noqa: PLR2004  one digit
