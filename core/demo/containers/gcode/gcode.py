"""What both stages share: finding the files, reading words of a line, limits of the printer."""

import configparser
import os
import re
import sys
from pathlib import Path

from leftovers import is_leftover

ENGLISH = os.environ.get("ULOS_LANGUAGE") == "en"
WORD = re.compile(r"([A-Za-z])\s*([-+]?(?:\d+\.?\d*|\.\d+)?)")
MOVES = {"G0", "G1", "G00", "G01"}
KNOWN = {
    "G0", "G00", "G1", "G01", "G2", "G02", "G3", "G03", "G4", "G04", "G20", "G21", "G28", "G29", "G90", "G91", "G92",
    "M0", "M1", "M17", "M18", "M82", "M83", "M84", "M104", "M105", "M106", "M107", "M109", "M114", "M115", "M117",
    "M140", "M190", "M201", "M203", "M204", "M205", "M220", "M221", "M300", "M400", "M500", "M501",
}  # fmt: skip


def say(english, spanish):
    """Print a sentence in the language of the course."""
    print(english if ENGLISH else spanish)


def give_up(english, spanish):
    """End with a sentence that says what is wrong."""
    say(english, spanish)
    sys.exit(1)


SUFFIXES = {".gcode", ".nc", ".gco", ".g"}


def submitted():
    """Return the files of the submission, without hidden ones and what systems leave behind."""
    return sorted(
        path
        for path in Path().rglob("*")
        if path.is_file() and not path.name.startswith(".") and not is_leftover(path)
    )


def programs():
    """Return the G-code files of the submission; end when there is none, or an empty one."""
    found = [path for path in submitted() if path.suffix.casefold() in SUFFIXES]
    if not found:
        give_up("No .gcode file was found in your archive.", "No hay ningún archivo .gcode en tu entrega.")
    for path in found:
        if not any(line.strip() for line in lines(path)):
            give_up(f"{path} is empty.", f"{path} está vacío.")
    return found


def lines(path):
    """Return the lines of a program, without a byte order mark."""
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()


def limits():
    """MAX_X, MAX_Y, MAX_Z and LONG_MOVE_THRESHOLD in millimetres."""
    values = {"MAX_X": 220.0, "MAX_Y": 220.0, "MAX_Z": 250.0, "LONG_MOVE_THRESHOLD": 100.0}
    found = [path for path in submitted() if path.name.casefold() == "printer.properties"]
    if not found:
        say(
            "printer.properties is missing: a 220 × 220 × 250 mm printer is assumed.",
            "Falta printer.properties: se asume una impresora de 220 × 220 × 250 mm.",
        )
        return values
    parser = configparser.ConfigParser()
    try:
        parser.read_string(found[0].read_text(encoding="utf-8-sig", errors="replace"))
        section = parser["PRINTER"]
        for name in values:
            values[name] = float(section.get(name, values[name]))
    except (configparser.Error, KeyError, ValueError) as error:
        give_up(f"printer.properties cannot be read: {error}", f"No se puede leer printer.properties: {error}")
    return values


def words(line):
    """(command, {letter: number}) of a line without comments; (None, {}) when it is blank.

    Raises ValueError with the part that is no G-code.
    """
    text = re.sub(r"\([^)]*\)", "", line.split(";", 1)[0]).split("*", 1)[0].split("%", 1)[0].strip()
    text = re.sub(r"^[Nn]\s*\d+\s*", "", text)
    if not text:
        return None, {}
    first = re.match(r"([GMTgmt])\s*(\d+)(?:\.\d+)?", text)
    if first is None:
        raise ValueError(text.split()[0])
    command = (first.group(1) + first.group(2)).upper()
    rest = text[first.end() :]
    if command == "M117":
        return command, {}
    numbers, position = {}, 0
    while rest[position:].strip():
        position += len(rest[position:]) - len(rest[position:].lstrip())
        match = WORD.match(rest, position)
        if match is None:
            raise ValueError(rest[position:].split()[0])
        numbers[match.group(1).upper()] = float(match.group(2)) if match.group(2) else 0.0
        position = match.end()
    return command, numbers


class Machine:
    """Position and modes of a printer while it reads a program. Lengths in millimetres."""

    def __init__(self):
        self.position = {"X": 0.0, "Y": 0.0, "Z": 0.0, "E": 0.0}
        self.absolute, self.scale, self.feed = True, 1.0, 1500.0

    def apply(self, command, numbers):
        """Follow one command; (start, end) of the tool when it moved, else None."""
        if command in {"G20", "G21"}:
            self.scale = 25.4 if command == "G20" else 1.0
        elif command in {"G90", "G91"}:
            self.absolute = command == "G90"
        elif command == "G28":
            for axis in [axis for axis in "XYZ" if axis in numbers] or "XYZ":
                self.position[axis] = 0.0
        elif command == "G92":
            self.position.update({axis: numbers[axis] * self.scale for axis in "XYZE" if axis in numbers})
        elif command in MOVES | {"G2", "G3", "G02", "G03"}:
            return self._move(numbers)
        return None

    def _move(self, numbers):
        start = dict(self.position)
        self.feed = numbers.get("F", self.feed / self.scale) * self.scale if "F" in numbers else self.feed
        for axis in "XYZE":
            if axis in numbers:
                value = numbers[axis] * self.scale
                self.position[axis] = value if self.absolute else self.position[axis] + value
        return start, dict(self.position)
