"""EXECUTION: path lengths, time and size of what would be printed."""

import json
import math
from pathlib import Path

from gcode import Machine, limits, lines, programs, say, words


def simulate(path, threshold):
    machine = Machine()
    figures = {"file": path.name, "moves": 0, "path_mm": 0.0, "extruding_mm": 0.0, "seconds": 0.0, "long_moves": 0}
    corners = []
    for line in lines(path):
        command, values = words(line)
        moved = machine.apply(command, values) if command else None
        if command in {"G4", "G04"}:
            figures["seconds"] += values.get("P", 0) / 1000 + values.get("S", 0)
        if not moved:
            continue
        start, end = moved
        length = math.dist([start[axis] for axis in "XYZ"], [end[axis] for axis in "XYZ"])
        figures["moves"] += 1
        figures["path_mm"] += length
        figures["extruding_mm"] += length if end["E"] > start["E"] else 0
        figures["seconds"] += length / machine.feed * 60 if machine.feed > 0 else 0
        figures["long_moves"] += length > threshold
        corners.append([end[axis] for axis in "XYZ"])
    figures["layers"] = len({round(corner[2], 3) for corner in corners})
    figures["size_mm"] = [round(max(side) - min(side), 3) for side in zip(*corners, strict=True)] if corners else [0, 0, 0]
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}


def main():
    threshold = limits()["LONG_MOVE_THRESHOLD"]
    results = [simulate(path, threshold) for path in programs()]
    for figures in results:
        for name, value in figures.items():
            print(f"{name:>14}  {value}")
    Path("results").mkdir(exist_ok=True)
    Path("results/summary.json").write_text(json.dumps(results, indent=2))
    total = sum(figures["path_mm"] for figures in results)
    seconds = sum(figures["seconds"] for figures in results)
    say(f"The tool travels {total:.0f} mm in about {seconds:.0f} s.", f"La herramienta recorre {total:.0f} mm en unos {seconds:.0f} s.")


if __name__ == "__main__":
    main()
