"""The first real error of an output is found, whoever printed it, and groups failures by their cause."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.first_error import find_first_error, is_summary, without_place
from tests.outputs import CAUSES, Student

SAMPLES = Path(__file__).parent.parent / "samples" / "outputs"


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pytest", "test_suma: assert suma(2, 3) == 5 → assert 6 == 5 (test_sum.py:4)"),
        (
            "pytest_message",
            "test_saludo: assert saludo('Ana') == 'Hola Ana', 'falta el saludo' → falta el saludo",
        ),
        ("pytest_exception", "test_media: ZeroDivisionError: division by zero (media.py:2)"),
        ("pytest_collection", "ModuleNotFoundError: No module named 'numpy'"),
        ("pytest_syntax", "SyntaxError: expected ':'"),
        ("pytest_short", "test_resta: assert 1 == 2 (tests/test_resta.py)"),
        ("unittest", "test_sum: self.assertEqual(suma(2, 3), 5) → 6 != 5"),
        (
            "cypress",
            "muestra el título: Timed out retrying after 4000ms: Expected to find element: `#titulo`",
        ),
        ("jest", "adds: expect(received).toBe(expected) → Expected: 3 Received: 4 (sum.test.js:5)"),
        ("vitest", "adds: expected 5 to be 3 // Object.is equality"),
        ("gradle", "testAdd: expected: <3> but was: <5> (CalculatorTest.kt:12)"),
        ("surefire", "testAdd: expected: <3> but was: <5> (CalculatorTest:12)"),
        ("junit_console", "testAdd: expected: <3> but was: <5>"),
        ("kotlinc", "Unresolved reference 'foo'. (Main.kt:3)"),
        ("javac", "';' expected (Main.java:3)"),
        ("gcc", "expected ';' before 'return' (main.c:7)"),
        ("go", "TestSum: got 6, want 5 (sum_test.go:9)"),
        ("gcode", "X900 queda fuera de la impresora (0 a 200 mm) (square.gcode:5)"),
        ("gcode_old", "«HELLO» no es G-code (square.gcode:3)"),
        ("traceback", "ZeroDivisionError: division by zero (a.py:2)"),
        ("traceback_chained", "ValueError: mal (a.py:4)"),
        ("node", "ReferenceError: foo is not defined (app.js:3)"),
        ("java", "java.lang.NullPointerException: name is null (Main.java:9)"),
        ("npm", "Missing script: test"),
        ("shell", "sh: 1: cypres: not found"),
        ("colours", "test_suma: assert suma(2, 3) == 5 → assert 6 == 5"),
    ],
)
def test_the_first_error_is_found_in_the_output_of(name: str, sentence: str) -> None:
    found = find_first_error(sample(name))

    assert found is not None
    assert found.sentence.startswith(sentence)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "\n\n",
        "square.gcode: 9 líneas\n",
        "0 prueba(s) pasaron, 1 fallaron.",
        "2 passed in 0.1s",
        "Line 9: odd",
    ],
)
def test_no_error_is_made_up(output: str) -> None:
    assert find_first_error(output) is None


@pytest.mark.parametrize(
    "text",
    [
        "0 prueba(s) pasaron, 1 fallaron.",
        "3 test(s) passed, 2 failed.",
        "1 failed, 2 passed in 0.34s",
        "=== 3 failed, 2 passed, 1 warning in 0.12s (0:00:12) ===",
        "BUILD FAILED in 3s",
        "Tests:       1 failed, 2 total",
        "FAILED (failures=1)",
        "Tests run: 3, Failures: 1, Errors: 0, Skipped: 0",
        "Task processing completed unsuccessfully",
    ],
)
def test_a_count_of_results_is_a_summary(text: str) -> None:
    assert is_summary(text)
    assert find_first_error(text) is None


@pytest.mark.parametrize("text", ["AssertionError: 3 failed", "assert 6 == 5", "", "error: 1 failed to link"])
def test_an_error_is_no_summary(text: str) -> None:
    assert not is_summary(text)


_NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyzáéñ", min_size=3, max_size=8)
_STUDENTS = st.builds(
    Student,
    name=_NAMES,
    number=st.integers(2, 9_999),
    other=st.integers(10_000, 99_999),
    folder=st.lists(_NAMES, min_size=1, max_size=3).map("/".join),
    spanish=st.booleans(),
)


@given(st.lists(_STUDENTS, min_size=4, max_size=10))
@settings(max_examples=60, deadline=None)
def test_twelve_causes_of_many_students_are_twelve_groups(students: list[Student]) -> None:
    groups: dict[str, set[str]] = {}
    for name, write in CAUSES.items():
        for student in students:
            found = find_first_error(write(student))
            assert found is not None, name
            groups.setdefault(found.cause.lower(), set()).add(name)

    assert 11 <= len(groups) <= 13
    assert all(len(causes) == 1 for causes in groups.values())


def test_values_of_an_assertion_stay_in_the_sentence_and_leave_the_cause() -> None:
    one, other = (find_first_error(sample("pytest").replace("6", number)) for number in ("6", "8"))

    assert one is not None
    assert other is not None
    assert one.cause == other.cause
    assert without_place(one.sentence) != without_place(other.sentence)


def test_the_place_alone_is_no_difference() -> None:
    one = "X900 queda fuera de la impresora (square.gcode:5)"
    other = "X900 queda fuera de la impresora (mi-cubo.gcode:17)"

    assert without_place(one) == without_place(other)


@pytest.mark.parametrize(
    "unit",
    [
        "E",
        "a:",
        "E  \n",
        "E  x\n",
        "___ ",
        "\n",
        "- FAILED\n",
        "Error\n",
        "Traceback (most recent call last):\n",
        "1 failing\n 1) x\n",
        "Error.Error:",
        "A" * 499 + "\n",
        "a." * 249 + "\n",
        "x/" * 249 + "\n",
        "'" * 499 + "\n",
        "1 failed, ",
        "FAIL: a (\n",
        "● a › b\n",
        "a > b FAILED\n",
        "[ERROR] a <<< FAILURE!\n",
        "--- FAIL: a\n",
        "\x1b[31m",
        "a@b." * 100 + "\n",
        'File "x", line 1\n',
    ],
)
def test_a_hostile_output_costs_time_in_proportion(unit: str) -> None:
    def seconds(size: int) -> float:
        output = unit * (size // len(unit))
        started = time.process_time()
        find_first_error(output)
        is_summary(output)
        return time.process_time() - started

    assert min(seconds(1_000_000) for _ in range(2)) < 2.0


def test_the_first_of_several_errors_counts() -> None:
    assert find_first_error(sample("pytest") + sample("traceback")) == find_first_error(sample("pytest"))
    assert find_first_error(sample("traceback") + sample("npm")) == find_first_error(sample("traceback"))
