"""A failure is explained in plain words, and what is not known is not pretended."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from core.demo import containers
from core.first_error import find_first_error
from core.services.explanations import Explanation, Owner, explain
from core.vocabulary import FailedBy
from runner import reasons
from tests.outputs import CAUSES, Student


@pytest.mark.parametrize(
    ("reason", "owner"),
    [
        ("square.gcode, línea 3: «HELLO» no es G-code.", Owner.FILE),
        ("No hay ningún archivo .gcode en tu entrega.", Owner.FILE),
        ("AssertionError: 3 != 4", Owner.FILE),
        ("ModuleNotFoundError: No module named 'numpy'", Owner.FILE),
        ("python3: can't open file '/image/run.py': [Errno 2] No such file or directory", Owner.CONTAINER),
        ("sh: 1: cypres: command not found", Owner.CONTAINER),
        ("Task files upload failed with reason - connection reset by peer", Owner.PLATFORM),
        ("Connection timed out", Owner.PLATFORM),
        ("TimeoutException: Futures timed out after [300 seconds]", Owner.FILE),
        ("zxqj", Owner.UNKNOWN),
    ],
)
def test_a_reason_tells_whose_the_failure_is(reason: str, owner: Owner) -> None:
    assert explain(reason).owner is owner


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_sentence_of_the_runner_is_known(language: str) -> None:
    platform = [reasons.CRASHED, reasons.NO_SANDBOX, reasons.INCOMPLETE_SANDBOX, reasons.LOST]
    for texts in platform:
        assert (
            explain(texts[language].format(incident="ab12", error="x", lacks="seccomp")).owner
            is Owner.PLATFORM
        )
    for texts in reasons.STOPPED.values():
        assert explain(texts[language].format(seconds=300)).owner is Owner.FILE
    assert explain(reasons.FAILED[language].format(code=3)) != explain("zxqj")
    assert explain(reasons.FAILED[language].format(code=127)).owner is Owner.CONTAINER


def test_files_that_could_not_be_stored_are_never_the_students_fault() -> None:
    assert explain("SyntaxError: invalid syntax", FailedBy.UPLOAD).owner is Owner.PLATFORM


def test_without_a_known_reason_the_way_in_which_it_was_shown_speaks() -> None:
    assert explain("Task processing completed unsuccessfully", FailedBy.VERDICT).owner is Owner.FILE
    assert explain(None, FailedBy.CRASH) != explain(None)
    assert explain("Task timed out", FailedBy.CRASH).owner is Owner.FILE


@pytest.mark.parametrize("failed_by", [None, *FailedBy])
def test_every_explanation_says_what_happened_and_what_to_do_in_both_languages(
    failed_by: FailedBy | None,
) -> None:
    told: Explanation = explain("", failed_by)

    for text in (told.happened, told.todo):
        assert set(text) == {"es", "en"}
        assert all(text.values())


CONTAINERS = Path(containers.__file__).parent


def _spelled(node: ast.expr) -> str | None:
    """The text of a string in the source, with something in each of its fields; None where it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "x1.json" for part in node.values
        )
    return None


def _sentences_of_the_demo() -> set[str]:
    """What the demo's containers say when a submission fails, in both languages."""
    found: set[str] = set()
    for path in sorted(CONTAINERS.rglob("*.py")):
        for entry in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts: list[ast.expr] = []
            if isinstance(entry, ast.Call) and getattr(entry.func, "id", "") in {"give_up", "Broken"}:
                parts = entry.args
            elif isinstance(entry, ast.Tuple) and isinstance(entry.ctx, ast.Load):
                parts = entry.elts
            texts = [text for part in parts if (text := _spelled(part)) and " " in text]
            found |= set(texts) if len(texts) == 2 else set()
    return {said for said in found if "x1.json: x1.json" not in said}


def test_every_sentence_of_the_demos_containers_is_known() -> None:
    sentences = _sentences_of_the_demo()

    assert len(sentences) > 20
    assert {said for said in sentences if explain(f"a.js, line 3: {said}") == explain(None)} == set()
    assert {said for said in sentences if explain(said).owner is not Owner.FILE} == set()


def test_the_count_of_the_demos_tests_is_known() -> None:
    for said in ("0 prueba(s) pasaron, 1 fallaron.", "0 test(s) passed, 1 failed."):
        assert explain(said).happened["en"] == "Your work ran, and did not do what the tests expect."


@pytest.mark.parametrize("cause", list(CAUSES))
def test_every_first_error_is_explained(cause: str) -> None:
    student = Student(name="ana", number=7, other=70, folder="entrega")
    found = find_first_error(CAUSES[cause](student))

    assert found is not None
    assert "longer than it may" not in explain(found.sentence).happened["en"]
    assert explain(found.sentence).owner is Owner.FILE
