"""Why a stage failed, in plain words: what happened, whose it is, what to do next.

The reason of a failed stage is what a program printed last. The catalogue knows the sentences of the
runner and of the nodes, and the last lines of the common interpreters; the first entry that fits
speaks. What it does not know it does not pretend to know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.vocabulary import FailedBy


class Owner(StrEnum):
    """Whose a failure is."""

    FILE = "file"
    """The student's: mend what was handed in."""
    CONTAINER = "container"
    """The assignment's: its image or its command, which the professor set up."""
    PLATFORM = "platform"
    """Ours or the network's: neither the student nor the professor can mend it."""
    UNKNOWN = "unknown"


Text = Mapping[str, str]
"""A sentence by language."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened and what to do next, each in `es` and `en`."""

    owner: Owner
    happened: Text
    todo: Text


@dataclass(frozen=True, slots=True)
class _Entry:
    pattern: re.Pattern[str]
    owner: Owner
    happened: Text
    todo: Text


_ASK_REQUEUE = {
    "en": "You need not send it again. If it does not run again by itself, ask a monitor to requeue it.",
    "es": "No hace falta entregar de nuevo. Si no se ejecuta otra vez sola, pide a un monitor que la reencole.",
}
_TELL_PROFESSOR = {
    "en": "Sending the same file again will not help. Tell your professor, with the reference of this submission.",
    "es": "Entregar el mismo archivo no servirá. Avisa a tu profesor con la referencia de esta entrega.",
}
_MEND = {
    "en": "Read the output of the stage, correct your file, and submit it again.",
    "es": "Lee la salida de la etapa, corrige tu archivo y entrégalo de nuevo.",
}


def _entry(pattern: str, owner: Owner, *, en: str, es: str, todo: Text) -> _Entry:
    return _Entry(re.compile(pattern, re.IGNORECASE | re.DOTALL), owner, {"en": en, "es": es}, todo)


_CATALOGUE = (
    _entry(
        r"the platform failed, not your work|falló la plataforma, no tu trabajo",
        Owner.PLATFORM,
        en="The program that runs the stages broke down while it worked on your submission.",
        es="El programa que ejecuta las etapas falló mientras procesaba tu entrega.",
        todo=_ASK_REQUEUE,
    ),
    _entry(
        r"has no sandbox for student code|no tiene un entorno aislado",
        Owner.PLATFORM,
        en="This installation lacks the sandbox in which student code must run, so nothing was run.",
        es="A esta instalación le falta el entorno aislado para ejecutar código; no se ejecutó nada.",
        todo=_ASK_REQUEUE,
    ),
    _entry(
        r"files of this attempt could not be read|no se pudieron leer los archivos de este intento"
        r"|files do(wn|nw)load failed|files upload failed|connection (refused|reset|timed out|closed)"
        r"|no route to host|host unreachable|broken pipe|\bftp\b|\b(421|425|426|450|451|452) ",
        Owner.PLATFORM,
        en="The stage could not fetch or store its files. Your original is kept unchanged.",
        es="La etapa no pudo traer o guardar sus archivos. Tu original se conserva intacto.",
        todo=_ASK_REQUEUE,
    ),
    _entry(
        r"stopped after \d+ s, the longest|se detuvo tras \d+ s, lo máximo|timed? ?out(?! retrying)|time limit|timeoutexception",
        Owner.FILE,
        en="The stage took longer than it may, so it was stopped. Mostly a loop that does not end, or far too much work.",
        es="La etapa tardó más de lo permitido y se detuvo. Casi siempre es un ciclo que no termina o demasiado trabajo.",
        todo={
            "en": "Look for a loop without an end and try with less. If others fail so too, tell your professor.",
            "es": "Busca un ciclo sin fin y prueba con menos. Si a otros también les pasa, avisa a tu profesor.",
        },
    ),
    _entry(
        r"printed more text than allowed|imprimió más texto de lo permitido",
        Owner.FILE,
        en="The stage printed far more text than is allowed, so it was stopped.",
        es="La etapa imprimió mucho más texto del permitido y se detuvo.",
        todo={
            "en": "Look for a print inside a loop, remove it and submit again.",
            "es": "Busca un print dentro de un ciclo, quítalo y entrega de nuevo.",
        },
    ),
    _entry(
        r"more memory than allowed|más memoria de la permitida|memoryerror|out ?of ?memory|cannot allocate memory",
        Owner.FILE,
        en="Your work used more memory than is allowed.",
        es="Tu trabajo usó más memoria de la permitida.",
        todo=_MEND,
    ),
    _entry(
        r"wrote more files than allowed|escribió más archivos de lo permitido|no space left|disk quota",
        Owner.FILE,
        en="Your work wrote more to disk than is allowed.",
        es="Tu trabajo escribió en disco más de lo permitido.",
        todo=_MEND,
    ),
    _entry(
        r"command not found|can't open file '?/image|(cannot|can't) (open|stat|access) '?/image"
        r"|/image/\S+: (no such file|permission denied)|exec format error|not found: /image"
        r"|ended with code 12[67] and|terminó con código 12[67] ",
        Owner.CONTAINER,
        en="The command of this stage could not be started in its container.",
        es="El comando de esta etapa no se pudo iniciar en su contenedor.",
        todo=_TELL_PROFESSOR,
    ),
    _entry(
        r"no hay ningún archivo|no hay archivos de prueba|no hay pruebas en|falta \S+\.\w+|\S+\.\w+ is missing"
        r"|there is no (\S+ file|test file|spec)|no \S+ (file )?(was )?found|file not found"
        r"|filenotfounderror|no such file or directory|falta el archivo|missing file",
        Owner.FILE,
        en="A file that this stage needs was not found in your archive.",
        es="No se encontró en tu archivo ZIP un archivo que esta etapa necesita.",
        todo={
            "en": "Compare the names and folders in your archive with the statement, and submit it again.",
            "es": "Compara los nombres y carpetas de tu ZIP con el enunciado y entrégalo de nuevo.",
        },
    ),
    _entry(
        r"modulenotfounderror|no module named|cannot find module|importerror",
        Owner.FILE,
        en="Your work uses a library that is not in this stage's container, or a file of yours under another name.",
        es="Tu trabajo usa una librería que no está en el contenedor de la etapa, o un archivo tuyo con otro nombre.",
        todo={
            "en": "Check the name. If the statement allows the library, tell your professor that it is missing.",
            "es": "Revisa el nombre. Si el enunciado permite la librería, avisa a tu profesor que falta.",
        },
    ),
    _entry(
        r"queda fuera de la impresora|is outside of the printer",
        Owner.FILE,
        en="A move of your G-code leaves the printer.",
        es="Un movimiento de tu G-code se sale de la impresora.",
        todo={
            "en": "Correct the coordinate that the reason names, or the size in printer.properties.",
            "es": "Corrige la coordenada que nombra el motivo, o el tamaño en printer.properties.",
        },
    ),
    _entry(
        r"\S+ is empty\b|\S+ está vacío\b",
        Owner.FILE,
        en="A file of yours that this stage needs is empty.",
        es="Un archivo tuyo que esta etapa necesita está vacío.",
        todo=_MEND,
    ),
    _entry(
        r"has no test|no tiene pruebas|never uses cy|nunca usa cy|missing script|no tests? (ran|found|collected)",
        Owner.FILE,
        en="A test file of yours holds no test that runs.",
        es="Un archivo de pruebas tuyo no tiene ninguna prueba que se ejecute.",
        todo=_MEND,
    ),
    _entry(
        r"can never hold|nunca se cumple|assertionerror|\bassert\b|\bexpect(ed)?\b|assertionfailed"
        r"|timed out retrying|self\.assert|got .{1,60}, want",
        Owner.FILE,
        en="Your work ran, and did not do what the tests expect.",
        es="Tu trabajo se ejecutó y no hizo lo que las pruebas esperan.",
        todo=_MEND,
    ),
    _entry(
        r"syntaxerror|indentationerror|unknown command|comando desconocido|no es g-code|is no(t)? g-code"
        r"|unresolved reference|not valid json|no es un json|cannot be read: |no se puede leer "
        r"|closes nothing|no cierra nada|is never closed|nunca se cierra|opens an object|abre un objeto"
        r"|parse error|unexpected token|línea \d+:|\bline \d+:",
        Owner.FILE,
        en="The stage could not understand a line of your work. The reason below names it.",
        es="La etapa no entendió una línea de tu trabajo. El motivo de abajo la nombra.",
        todo={
            "en": "Correct that line and submit again.",
            "es": "Corrige esa línea y entrega de nuevo.",
        },
    ),
    _entry(
        r"\d+ (tests? )?failed|tests? failed|failing tests?|pruebas? fall|\d+ fallaron",
        Owner.FILE,
        en="Your work ran, and did not do what the tests expect.",
        es="Tu trabajo se ejecutó y no hizo lo que las pruebas esperan.",
        todo=_MEND,
    ),
    _entry(
        r"\b[a-z_.]*(error|exception): |segmentation fault|core dumped",
        Owner.FILE,
        en="Your work stopped in the middle with an error.",
        es="Tu trabajo se detuvo a la mitad por un error.",
        todo={
            "en": "The reason names the error and where it happened. Correct it and submit again.",
            "es": "El motivo nombra el error y dónde ocurrió. Corrígelo y entrega de nuevo.",
        },
    ),
    _entry(
        r"ended with code \d+ and printed nothing|terminó con código \d+ sin imprimir nada",
        Owner.UNKNOWN,
        en="The stage ended with an error and printed nothing, so it cannot be told whose the failure is.",
        es="La etapa terminó con error sin imprimir nada, así que no se puede saber de quién es la falla.",
        todo={
            "en": "Try your work on your own computer. If it runs there, show your professor this reference.",
            "es": "Prueba tu trabajo en tu computador. Si allí funciona, muéstrale a tu profesor esta referencia.",
        },
    ),
)

_BY_UPLOAD = Explanation(
    Owner.PLATFORM,
    {
        "en": "The stage had done its work, but its files could not be stored.",
        "es": "La etapa había terminado su trabajo, pero no se pudieron guardar sus archivos.",
    },
    _ASK_REQUEUE,
)
_BY_CRASH = Explanation(
    Owner.UNKNOWN,
    {
        "en": "The node that worked on your submission stopped in the middle: it broke down or ran out of time.",
        "es": "El nodo que procesaba tu entrega se detuvo a la mitad: falló o se le acabó el tiempo.",
    },
    {
        "en": "If it happens again with the same file, look for a loop that does not end; else ask a monitor to requeue it.",
        "es": "Si se repite con el mismo archivo, busca un ciclo sin fin; si no, pide a un monitor que la reencole.",
    },
)
_BY_VERDICT = Explanation(
    Owner.FILE,
    {
        "en": "The stage ran to its end and judged that your work does not pass.",
        "es": "La etapa llegó a su fin y determinó que tu trabajo no aprueba.",
    },
    _MEND,
)
_UNKNOWN = Explanation(
    Owner.UNKNOWN,
    {
        "en": "This failure is not in our catalogue. What the stage said last stands below.",
        "es": "Esta falla no está en nuestro catálogo. Abajo está lo último que dijo la etapa.",
    },
    {
        "en": "Read the output and the log. If they do not help, show your professor the reference of this submission.",
        "es": "Lee la salida y el registro. Si no ayudan, muéstrale a tu profesor la referencia de esta entrega.",
    },
)
_BY = {FailedBy.CRASH: _BY_CRASH, FailedBy.VERDICT: _BY_VERDICT}


_OF_PLATFORM = re.compile(
    r"the platform failed, not your work|falló la plataforma, no tu trabajo"
    r"|the platform has no sandbox|la plataforma no tiene un entorno aislado"
    r"|the files of this attempt could not be read|no se pudieron leer los archivos de este intento"
    r"|the stage was stopped|la etapa se detuvo"
    r"|the stage ended with code|la etapa terminó con código",
    re.IGNORECASE,
)


def is_of_platform(reason: str) -> bool:
    """Return whether `reason` is a sentence of the runner itself, not what a program printed."""
    return _OF_PLATFORM.match(reason) is not None


def explain(reason: str | None, failed_by: FailedBy | None = None) -> Explanation:
    """The explanation of a failed stage, from its reason and from what showed the failure.

    Files that could not be stored are the platform's fault whatever the text says. Else the text
    decides, since it says more; where it says nothing known, how the failure was shown.
    """
    if failed_by is FailedBy.UPLOAD:
        return _BY_UPLOAD
    for entry in _CATALOGUE:
        if reason and entry.pattern.search(reason):
            return Explanation(entry.owner, entry.happened, entry.todo)
    return _UNKNOWN if failed_by is None else _BY[failed_by]
