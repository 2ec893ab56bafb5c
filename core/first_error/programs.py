"""Readers of what interpreters, compilers, shells and the demo's containers print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.first_error.found import Found

_FILE = r"(?:[^\s:,;'\"()]{1,200})"

_GCODE_LINE = re.compile(
    rf"({_FILE}):(\d+): ((?:[XYZ]-?[\d.e+]+ (?:is outside|queda fuera)"
    r"|[“«].{1,100}[”»] (?:is not|no es) G-code"
    r"|(?:unknown command|comando desconocido) ).{0,200})"
)
_OF_FILE = re.compile(rf"({_FILE}), (?:line|línea) (\d+): (.+)")
_LACKS = re.compile(
    r"(?:No .{1,40} was found in your archive|No hay ningún archivo|There is no .{1,60} (?:in|under) "
    r"|No hay (?:archivos|pruebas)|Falta \S+\.\w+|\S+\.\w+ is missing\.$"
    r"|\S+ (?:is empty\.$|está vacío\.$|has no test|no tiene pruebas|never uses|nunca usa)"
    r"|No se puede leer \S+: |\S+ cannot be read: "
    r"|\S+ (?:is not valid JSON|no es un JSON válido))"
)
_ASSUMED = ("se asume", "is assumed")


def gcode(lines: Sequence[str]) -> Found | None:
    """The sentences of the demo's containers: `file:5: X900 is outside…`, `file, line 3: …`."""
    for line in lines:
        if (said := _GCODE_LINE.match(line)) or (said := _OF_FILE.match(_last_sentence(line))):
            file, number, message = said.groups()
            place = f"{file.rsplit('/', 1)[-1]}:{number}"
            return Found(message.rstrip("."), place=place)
        if _LACKS.match(line) and not any(word in line for word in _ASSUMED):
            return Found(line)
    return None


def _last_sentence(line: str) -> str:
    """A count of problems names the first of them after it."""
    for words in ("; el primero en ", "; the first in "):
        if words in line:
            return line.split(words, 1)[1]
    return line


_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_FRAME = re.compile(r'\s*File "([^"]{1,300})", line (\d+)')
_RAISED = re.compile(r"[A-Za-z_][\w.]{0,120}(?::\s.*|$)")
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")


def python(lines: Sequence[str]) -> Found | None:
    """The last line of the first traceback; of exceptions that caused others, the last one."""
    start = next((at for at, line in enumerate(lines) if line.lstrip().startswith(_TRACEBACK)), None)
    found = _raised(lines, start) if start is not None else None
    if found is not None:
        return found
    for at, line in enumerate(lines):  # a file that does not compile has no traceback
        if line.startswith(_SYNTAX):
            frames = [frame for before in lines[max(0, at - 5) : at] if (frame := _FRAME.match(before))]
            return Found(line, place=_place(frames[-1:]))
    return None


def _raised(lines: Sequence[str], start: int) -> Found | None:
    found: Found | None = None
    frames: list[re.Match[str]] = []
    statement = ""
    for at in range(start + 1, len(lines)):
        line = lines[at]
        if found is not None:
            if line.startswith(_CHAINED):
                found = None
                frames.clear()
            elif line.strip():
                return found
            continue
        if frame := _FRAME.match(line):
            frames.append(frame)
            statement = lines[at + 1].strip() if at + 1 < len(lines) else ""
        elif line and not line[0].isspace() and _RAISED.match(line) and not line.startswith("Traceback"):
            is_assertion = line.startswith("AssertionError")
            message = line.removeprefix("AssertionError: ") if is_assertion else line
            asserted = statement if is_assertion and statement.startswith("assert") else ""
            found = Found(message, statement=asserted, place=_place(frames[-1:]), is_assertion=is_assertion)
    return found


def _place(frames: Iterable[re.Match[str]]) -> str:
    return next((f"{frame[1].rsplit('/', 1)[-1]}:{frame[2]}" for frame in frames), "")


_COMPILERS = (
    re.compile(r"e: (?:file://)?(?P<file>[^\s:]{1,300}):\s?\(?(?P<line>\d+)[:,] ?\d+\)?:? (?P<said>.+)"),
    re.compile(r"(?:\[ERROR\] )?(?P<file>[^\s:\[]{1,300}):\[(?P<line>\d+),\d+\] (?P<said>.+)"),
    re.compile(r"(?P<file>[^\s:]{1,300}):(?P<line>\d+)(?::\d+)?: (?:fatal )?error:? (?P<said>.+)"),
    re.compile(r"(?P<file>[^\s(:]{1,300})\((?P<line>\d+),\d+\): error (?P<said>.+)"),
)


def compiler(lines: Sequence[str]) -> Found | None:
    """The first error of kotlinc, javac, Maven, gcc, clang or tsc."""
    for line in lines:
        if ":" not in line:
            continue
        for pattern in _COMPILERS:
            if said := pattern.match(line):
                file = said["file"].rsplit("/", 1)[-1]
                return Found(said["said"], place=f"{file}:{said['line']}")
    return None


_THROWN = re.compile(
    r"(?:Exception in thread \"[^\"]{1,100}\" |Uncaught |Caused by: |error: Uncaught )?"
    r"(?P<said>(?:[A-Za-z_$][\w$]{0,60}[.:]{1,2}){0,10}[A-Za-z_$]?[\w$]{0,60}"
    r"(?:Error|Exception)(?: \[\w+\])?(?:: .*|$))"
)
_AT = re.compile(r"\s+at .{0,200}?([^\s(/\\]+\.\w{1,5}):(\d+)")


def exception(lines: Sequence[str]) -> Found | None:
    """The first line that names an exception: Java, Kotlin, JavaScript, others."""
    for at, line in enumerate(lines):
        if ("Error" not in line and "Exception" not in line) or not (said := _THROWN.match(line.lstrip())):
            continue
        place = next(
            (f"{found[1]}:{found[2]}" for later in lines[at + 1 : at + 10] if (found := _AT.match(later))), ""
        )
        is_assertion = "Assertion" in said["said"].split(":", 1)[0]
        message = said["said"].split(": ", 1)[-1] if is_assertion else said["said"]
        return Found(message, place=place, is_assertion=is_assertion)
    return None


_SHELL = re.compile(
    r".{0,200}(?:command not found|: not found$|Segmentation fault|core dumped|cannot execute"
    r"|exec format error|can't open file|No such file or directory|Permission denied|Out of memory)",
    re.IGNORECASE,
)


def shell(lines: Sequence[str]) -> Found | None:
    """The first complaint of a shell, or of the system through it."""
    found = next((line for line in lines if _SHELL.match(line)), None)
    return Found(found.strip()) if found is not None else None


_GENERIC = re.compile(
    r"\s*(?:\[?(?:npm )?(?:error|fatal|err)\]?[:!]|\[ERROR\]|E:)\s*(?P<said>\S.*)", re.IGNORECASE
)


def generic(lines: Sequence[str]) -> Found | None:
    """The first line that begins with `error:` or `fatal:`."""
    return next((Found(said["said"]) for line in lines if (said := _GENERIC.match(line))), None)
