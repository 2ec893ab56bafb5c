"""A failure is explained in plain words, and what is not known is not pretended."""

from __future__ import annotations

import pytest

from core.services.explanations import Explanation, Owner, explain
from core.vocabulary import FailedBy
from runner import reasons


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
