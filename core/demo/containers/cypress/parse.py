"""PARSING: the project has its configuration and specs, and every spec can be read."""

import json

from cypress import Broken, code_only, give_up, say, specs, submitted


def main():
    configs = [path for path in submitted("cypress.config.*") if path.suffix in {".js", ".ts", ".mjs", ".cjs"}]
    if not configs:
        give_up("cypress.config.js is missing.", "Falta cypress.config.js.")
    for path in submitted("package.json"):
        try:
            json.loads(path.read_text(encoding="utf-8", errors="replace"))
        except ValueError as error:
            give_up(f"{path} is not valid JSON: {error}", f"{path} no es un JSON válido: {error}")
    found = specs()
    if not found:
        give_up("There is no spec under cypress/e2e (*.cy.js).", "No hay pruebas en cypress/e2e (*.cy.js).")
    for path in [*configs, *found]:
        try:
            code_only(path.read_text(encoding="utf-8", errors="replace"))
        except Broken as broken:
            give_up(
                f"{path}, line {broken.line}: {broken.english}.", f"{path}, línea {broken.line}: {broken.spanish}."
            )
        say(f"{path}: can be read", f"{path}: se puede leer")
    say(f"{len(found)} spec file(s) found.", f"{len(found)} archivo(s) de prueba encontrados.")


if __name__ == "__main__":
    main()
