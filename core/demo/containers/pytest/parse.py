"""PARSING: there are tests, and every Python file compiles."""

import os
import sys
from pathlib import Path

from leftovers import is_leftover

ENGLISH = os.environ.get("ULOS_LANGUAGE") == "en"


def say(english, spanish):
    print(english if ENGLISH else spanish)


def main():
    files = sorted(path for path in Path().rglob("*.py") if path.is_file() and not is_leftover(path))
    tests = [path for path in files if path.name.startswith("test_") or path.stem.endswith("_test")]
    if not tests:
        say("There is no test file (test_*.py) in your archive.", "No hay archivos de prueba (test_*.py) en tu entrega.")
        return 1
    for path in files:
        try:
            compile(path.read_bytes(), str(path), "exec")
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            say(f"{path}, line {line}: {error}", f"{path}, línea {line}: {error}")
            return 1
        print(f"{path}: ok")
    say(f"{len(tests)} test file(s) found.", f"{len(tests)} archivo(s) de prueba encontrados.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
