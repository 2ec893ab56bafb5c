"""Outputs of failed stages: the same cause with other names, folders, numbers and languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Student:
    """What differs between two students who fail for one reason. `number` and `other` differ too."""

    name: str
    number: int
    other: int
    folder: str
    spanish: bool = True

    def in_language(self, spanish: str, english: str) -> str:
        """Return the sentence in the language of the installation."""
        return spanish if self.spanish else english


def _pytest(student: Student, test: str, statement: str, said: str) -> str:
    line = student.number % 90 + 3
    return (
        "F                                                    [100%]\n"
        "================ FAILURES ================\n"
        f"_______________ {test} _______________\n\n"
        f"    def {test}():\n"
        f">       {statement}\n"
        f"E       {said}\n\n"
        f"{student.folder}/test_{student.name}.py:{line}: AssertionError\n"
        "================ short test summary info ================\n"
        f"FAILED {student.folder}/test_{student.name}.py::{test} - {said}\n"
        "1 failed in 0.12s\n"
        + student.in_language("0 prueba(s) pasaron, 1 fallaron.\n", "0 test(s) passed, 1 failed.\n")
    )


def _sum(student: Student) -> str:
    return _pytest(student, "test_suma", "assert suma(2, 3) == 5", f"assert {student.number} == 5")


def _greeting(student: Student) -> str:
    statement = "assert saludo('Ana') == 'Hola Ana'"
    return _pytest(
        student, "test_saludo", statement, f"AssertionError: assert '{student.name}' == 'Hola Ana'"
    )


def _division(student: Student) -> str:
    return (
        "Traceback (most recent call last):\n"
        f'  File "/work/{student.folder}/{student.name}.py", line {student.number}, in <module>\n'
        f"    {student.name} = {student.other} / 0\n"
        "ZeroDivisionError: division by zero\n"
    )


def _missing_library(student: Student) -> str:
    return (
        "Traceback (most recent call last):\n"
        f'  File "/work/{student.folder}/{student.name}.py", line 1, in <module>\n'
        "    import numpy\n"
        "ModuleNotFoundError: No module named 'numpy'\n"
    )


def _undefined_name(student: Student) -> str:
    return (
        "Traceback (most recent call last):\n"
        f'  File "/home/{student.name}/main.py", line {student.number}, in <module>\n'
        f"    print({student.name})\n"
        f"NameError: name '{student.name}' is not defined\n"
    )


def _outside(student: Student) -> str:
    file = f"{student.folder}/{student.name}.gcode"
    said = student.in_language(
        f"X{student.other} queda fuera de la impresora (0 a 200 mm)",
        f"X{student.other} is outside of the printer (0 to 200 mm)",
    )
    last = student.in_language(
        f"1 problema(s); el primero en {student.name}.gcode, línea {student.number}: {said}.",
        f"1 problem(s); the first in {student.name}.gcode, line {student.number}: {said}.",
    )
    return f"{file}:{student.number}: {said}\n{last}\n"


def _no_file(student: Student) -> str:
    return student.in_language(
        "No hay ningún archivo .gcode en tu entrega.\n", "No .gcode file was found in your archive.\n"
    )


def _element(student: Student) -> str:
    return (
        "  0 passing (4s)\n  1 failing\n\n"
        "  1) inicio\n"
        "       muestra el título:\n"
        "     AssertionError: Timed out retrying after 4000ms: Expected to find element: `#titulo`, "
        "but never found it.\n"
        f"      at Context.eval (webpack:///./cypress/e2e/{student.name}.cy.js:{student.number}:8)\n"
    )


def _gradle(student: Student) -> str:
    return (
        "CalculatorTest > testAdd() FAILED\n"
        f"    org.opentest4j.AssertionFailedError: expected: <{student.number}> but was: <{student.other}>\n"
        f"        at CalculatorTest.testAdd({student.name}Test.kt:{student.number})\n\n"
        "1 test completed, 1 failed\nBUILD FAILED in 3s\n"
    )


def _kotlin(student: Student) -> str:
    place = f"file:///work/{student.folder}/Main.kt:{student.number}:5"
    return f"e: {place} Unresolved reference '{student.name}'.\n"


def _null(student: Student) -> str:
    return (
        'Exception in thread "main" java.lang.NullPointerException: value is null\n'
        f"\tat {student.name}.Main.main({student.name}.java:{student.number})\n"
    )


def _jest(student: Student) -> str:
    return (
        f"FAIL {student.folder}/{student.name}.test.js\n"
        "  ● carrito › calcula el total\n\n"
        "    expect(received).toBe(expected) // Object.is equality\n\n"
        f"    Expected: 100\n    Received: {student.other}\n\n"
        f"      at Object.toBe ({student.folder}/{student.name}.test.js:{student.number}:19)\n\n"
        "Tests: 1 failed, 1 total\n"
    )


CAUSES: Mapping[str, Callable[[Student], str]] = MappingProxyType(
    {
        "a wrong sum": _sum,
        "a wrong greeting": _greeting,
        "a division by zero": _division,
        "a missing library": _missing_library,
        "a name that is not defined": _undefined_name,
        "a move outside of the printer": _outside,
        "no G-code file": _no_file,
        "a missing element": _element,
        "a wrong sum in Kotlin": _gradle,
        "an unresolved reference": _kotlin,
        "a null pointer": _null,
        "a wrong total": _jest,
    }
)
"""Twelve causes, and what a stage prints when a student's work fails for one of them."""
