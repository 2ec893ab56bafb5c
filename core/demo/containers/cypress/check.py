"""EXECUTION: each spec holds tests that use Cypress. No browser is run."""

import json
import re
from pathlib import Path

from cypress import code_only, give_up, say, specs

TEST = re.compile(r"\b(?:it|test|specify)(?:\.only)?\s*\(")
CLAIM = re.compile(r"\bexpect\(\s*(true|false|null|\d+)\s*\)\.(?:not\.)?to\.(?:be\.)?(equal|eq|eql|true|false)\b(?:\(\s*(true|false|null|\d+)\s*\))?")


def false_claim(text):
    """(line, text) of the first assertion between constants that cannot hold; None when there is none."""
    for match in CLAIM.finditer(text):
        actual, word, expected = match.groups()
        holds = actual == (expected if word in {"equal", "eq", "eql"} else word)
        if holds == (".not." in match.group(0)):
            return text.count("\n", 0, match.start()) + 1, match.group(0)
    return None


def main():
    results, problem = [], None
    for path in specs():
        text = path.read_text(encoding="utf-8", errors="replace")
        code = code_only(text)
        tests, uses = len(TEST.findall(code)), len(re.findall(r"\bcy\s*\.", code))
        claim = false_claim(text)
        results.append({"spec": str(path), "tests": tests, "cy": uses})
        say(f"{path}: {tests} test(s), {uses} command(s)", f"{path}: {tests} prueba(s), {uses} comando(s)")
        if tests == 0:
            problem = problem or (f"{path} has no test (it(…)).", f"{path} no tiene pruebas (it(…)).")
        elif uses == 0 and "expect(" not in code:
            problem = problem or (f"{path} never uses cy.", f"{path} nunca usa cy.")
        if claim:
            line, said = claim
            problem = problem or (
                f"{path}, line {line}: {said} can never hold.",
                f"{path}, línea {line}: {said} nunca se cumple.",
            )
    Path("results").mkdir(exist_ok=True)
    Path("results/summary.json").write_text(json.dumps(results, indent=2))
    if problem:
        give_up(*problem)
    say("All specs hold tests.", "Todos los archivos contienen pruebas.")


if __name__ == "__main__":
    main()
