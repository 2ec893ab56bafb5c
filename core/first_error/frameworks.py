"""Readers of what test frameworks print. Each looks at every line once or twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from core.first_error.found import Found

_NEAR = 60
"""Lines after the beginning of a failed test in which its error stands."""
_TRIES = 100
"""Beginnings of failed tests that are followed until one has an error."""

_ASSERTION = re.compile(
    r"(?:[\w.$]{0,80}\.)?(?:AssertionError|AssertionFailedError|AssertionFailure|ComparisonFailure)\b:?\s*"
)
_EXCEPTION = re.compile(
    r"(?:Uncaught )?(?:[\w$]{1,60}\.){0,10}[\w$]{0,60}"
    r"(?:Error|Exception|Warning|Exit|Failure|Interrupt|Timeout)\b"
)


def _heads(lines: Sequence[str], pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    found = ((at, head) for at, line in enumerate(lines) if (head := pattern.match(line)))
    return islice(found, _TRIES)


_PYTEST_TEST = re.compile(r"_{3,} (?:ERROR (?:collecting|at \w+ of) )?([^_\s].*?) _{3,}$")
_PYTEST_PLACE = re.compile(r"([^\s:][^:]{0,200}):(\d+): ")
_PYTEST_SHORT = re.compile(r"(?:FAILED|ERROR) ([^\s:]+)(?:::(\S+))? - (.+)")


def pytest(lines: Sequence[str]) -> Found | None:
    """The first test under FAILURES or ERRORS, else the first line of the short summary."""
    for at, line in enumerate(lines):
        if line.startswith("E  ") and line[1:].strip():
            return _pytest_block(lines, at)
    for line in lines:
        short = _PYTEST_SHORT.match(line)
        if short is not None:
            file, test, message = short.groups()
            return _pytest_found(message, test=test or "", place=file)
    return None


def _pytest_block(lines: Sequence[str], first: int) -> Found:
    test = statement = ""
    for line in reversed(lines[max(0, first - 4 * _NEAR) : first]):
        if not statement and line.startswith(">"):
            statement = line[1:].strip()
        header = _PYTEST_TEST.match(line) if line.startswith("___") else None
        if header is not None:
            test = "" if "ERROR collecting" in line else header.group(1)
            break
    said = [line[1:].strip() for line in lines[first : first + _NEAR] if line.startswith("E ")]
    message = next((text for text in said if _EXCEPTION.match(text)), said[0])
    place = ""
    for line in lines[first : first + _NEAR]:
        found = _PYTEST_PLACE.match(line)
        if found is not None and not line.startswith("E "):
            place = f"{found.group(1)}:{found.group(2)}"
            break
    return _pytest_found(message, test=test, statement=statement, place=place)


def _pytest_found(message: str, *, test: str, statement: str = "", place: str = "") -> Found:
    named = _ASSERTION.match(message)
    is_assertion = named is not None or message.startswith(("assert ", "Failed: "))
    said = message[named.end() :] if named is not None and len(message) > named.end() else message
    own = test.rsplit("::", 1)[-1].rsplit(".", 1)[-1]
    if not is_assertion:
        return Found(said, test=own, place=place)
    asserted = statement if statement.startswith("assert") else ""
    return Found(said, test=own, statement=asserted, place=place, is_assertion=True)


_UNITTEST = re.compile(r"(FAIL|ERROR): (\w+) \(")
_UNITTEST_PLACE = re.compile(r'\s+File "([^"]+)", line (\d+)')


def unittest(lines: Sequence[str]) -> Found | None:
    """The first `FAIL: test_x (…)` or `ERROR: test_x (…)` with the last line of its traceback."""
    for at, head in _heads(lines, _UNITTEST):
        place = statement = ""
        for offset, later in enumerate(lines[at + 1 : at + _NEAR]):
            where = _UNITTEST_PLACE.match(later)
            if where is not None:
                place = f"{where.group(1)}:{where.group(2)}"
                statement = lines[at + offset + 2].strip() if at + offset + 2 < len(lines) else ""
            named = _ASSERTION.match(later)
            if named is not None:
                message = later[named.end() :] or later
                return Found(message, test=head.group(2), statement=statement, place=place, is_assertion=True)
            if _EXCEPTION.match(later):
                return Found(later, test=head.group(2), place=place)
    return None


_MOCHA_COUNT = re.compile(r"\s*\d+ failing\b")
_MOCHA_FIRST = re.compile(r"\s{0,8}1\) (.+)")
_JS_PLACE = re.compile(r"\s+at .{0,200}?([^\s(/\\]+\.[cm]?[jt]sx?):(\d+)")


def mocha(lines: Sequence[str]) -> Found | None:
    """The first failure after `N failing`: Mocha and Cypress."""
    start = next((at for at, line in enumerate(lines) if _MOCHA_COUNT.match(line)), None)
    if start is None:
        return None
    for at in range(start + 1, min(start + _NEAR, len(lines))):
        head = _MOCHA_FIRST.match(lines[at])
        if head is None:
            continue
        title, body = [head.group(1).strip()], at + 1
        while not title[-1].endswith(":") and body < min(at + 8, len(lines)) and lines[body].strip():
            title.append(lines[body].strip())
            body += 1
        return _javascript(lines, body, test=title[-1].rstrip(":"))
    return None


_JEST = re.compile(r"\s*(?:●|FAIL|×|✕) {1,4}(?:\S+\.[cm]?[jt]sx? > )?(.+ [›>] .+)")


def jest(lines: Sequence[str]) -> Found | None:
    """The first `● suite › test` of Jest, or `FAIL file > suite > test` of Vitest."""
    for at, head in _heads(lines, _JEST):
        name = re.split(r" [›>] ", head.group(1))[-1].strip()
        found = _javascript(lines, at + 1, test=name)
        if found is not None:
            return found
    return None


def _javascript(lines: Sequence[str], start: int, *, test: str) -> Found | None:
    near = lines[start : start + _NEAR]
    first = next((at for at, line in enumerate(near) if line.strip()), None)
    if first is None:
        return None
    message = near[first].strip()
    values = [line.strip() for line in near if line.strip().startswith(("Expected", "Received"))]
    place = next((f"{found[1]}:{found[2]}" for line in near if (found := _JS_PLACE.match(line))), "")
    named = _ASSERTION.match(message)
    if named is not None:
        return Found(message[named.end() :] or message, test=test, place=place, is_assertion=True)
    if message.startswith("expect("):
        asserted = message.split(" // ", 1)[0]
        said = " ".join(values[:2]) or asserted
        return Found(said, test=test, statement=asserted, place=place, is_assertion=True)
    return Found(message, test=test, place=place)


_GRADLE = re.compile(r"(?:\S.{0,200} > )(.{1,150}?)(?:\(\))? FAILED$")
_SUREFIRE = re.compile(r"\[ERROR\]\s+(?:[\w.$]+\.)?([\w$]+)[.:]([\w$]+):(\d+)(?:->\S+)?\s+(.+)")
_SUREFIRE_TEST = re.compile(r"\[ERROR\]\s+(?:[\w.$]+\.)?([\w$]+)(?:\(\S+\))?.{0,80}<<< (?:FAILURE|ERROR)!")
_CONSOLE = re.compile(r"\s*(?:JUnit \w+:)(?:[^:]+:)*([^:]+?)(?:\(\))?$")
_JVM_PLACE = re.compile(r"\s+at .{0,200}?\(?([\w$]+\.(?:kts?|java|scala|groovy)):(\d+)")


def junit(lines: Sequence[str]) -> Found | None:
    """The first failed test of Gradle, Maven Surefire or JUnit's console: Java and Kotlin."""
    for at, line in enumerate(lines):
        if line.endswith("FAILED") and (head := _GRADLE.match(line)):
            return _jvm(lines, at + 1, test=head.group(1))
        if line.startswith("[ERROR]"):
            marked = _SUREFIRE_TEST.match(line)
            if marked is not None:
                return _jvm(lines, at + 1, test=marked.group(1))
            short = _SUREFIRE.match(line)
            if short is not None:
                place = f"{short.group(1)}:{short.group(3)}"
                is_assertion = "xpect" in short.group(4) or "ssert" in short.group(4)
                return Found(short.group(4), test=short.group(2), place=place, is_assertion=is_assertion)
        if "JUnit " in line and (head := _CONSOLE.match(line)):
            return _jvm(lines, at + 1, test=head.group(1))
    return None


def _jvm(lines: Sequence[str], start: int, *, test: str) -> Found | None:
    near = lines[start : start + _NEAR]
    place = next((f"{found[1]}:{found[2]}" for line in near if (found := _JVM_PLACE.match(line))), "")
    for line in near:
        text = line.strip().removeprefix("=>").strip()
        named = _ASSERTION.match(text)
        if named is not None:
            return Found(text[named.end() :] or text, test=test, place=place, is_assertion=True)
        if _EXCEPTION.match(text):
            return Found(text, test=test, place=place)
    return None


_GO = re.compile(r"\s*--- FAIL: (\S+)")
_GO_LINE = re.compile(r"\s+(\w+\.go):(\d+): (.+)")


def go_test(lines: Sequence[str]) -> Found | None:
    """The first `--- FAIL: TestX` of `go test`."""
    for at, head in _heads(lines, _GO):
        for later in lines[at + 1 : at + _NEAR]:
            said = _GO_LINE.match(later)
            if said is not None:
                place = f"{said.group(1)}:{said.group(2)}"
                return Found(said.group(3), test=head.group(1), place=place, is_assertion=True)
    return None
