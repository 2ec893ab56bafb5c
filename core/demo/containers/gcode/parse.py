"""PARSING: every line is G-code and stays within the printer."""

import sys

from gcode import KNOWN, Machine, give_up, limits, lines, programs, say, words

SHOWN = 20


def problems(path, bounds):
    machine = Machine()
    for number, line in enumerate(lines(path), start=1):
        try:
            command, values = words(line)
        except ValueError as error:
            yield number, f"“{error}” is not G-code", f"«{error}» no es G-code"
            continue
        if command is None or command.startswith("T"):
            continue
        if command not in KNOWN:
            yield number, f"unknown command {command}", f"comando desconocido {command}"
            continue
        moved = machine.apply(command, values)
        for axis in "XYZ" if moved else "":
            value, most = machine.position[axis], bounds[f"MAX_{axis}"]
            if not 0 <= value <= most:
                yield (
                    number,
                    f"{axis}{value:g} is outside of the printer (0 to {most:g} mm)",
                    f"{axis}{value:g} queda fuera de la impresora (0 a {most:g} mm)",
                )


def main():
    bounds, count, first = limits(), 0, None
    for path in programs():
        length = len(lines(path))
        say(f"{path}: {length} lines", f"{path}: {length} líneas")
        for number, english, spanish in problems(path, bounds):
            count += 1
            first = first or (path.name, number, english, spanish)
            if count <= SHOWN:
                say(f"{path}:{number}: {english}", f"{path}:{number}: {spanish}")
    if first:
        name, number, english, spanish = first
        give_up(
            f"{count} problem(s); the first in {name}, line {number}: {english}.",
            f"{count} problema(s); el primero en {name}, línea {number}: {spanish}.",
        )
    say("Every line is valid and within the printer.", "Todas las líneas son válidas y caben en la impresora.")


if __name__ == "__main__":
    sys.exit(main())
