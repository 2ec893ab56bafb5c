"""Checks that run once in a while."""

from __future__ import annotations

import threading
import time

import pytest

from core import now_and_then
from core.errors import StorageUnavailable
from core.now_and_then import NowAndThen


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic time, in its only element."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_it_runs_once_until_its_time_has_passed(moment: list[float]) -> None:
    runs: list[float] = []
    check = NowAndThen(lambda: runs.append(moment[0]))

    for _ in range(3):
        check()
    moment[0] += now_and_then.EVERY_SECONDS
    check()

    assert len(runs) == 2


def test_an_error_is_repeated_and_asked_for_again_sooner(moment: list[float]) -> None:
    errors = [StorageUnavailable(reason="full"), None]

    def fail_once() -> None:
        error = errors.pop(0)
        if error is not None:
            raise error

    check = NowAndThen(fail_once)

    for _ in range(2):
        with pytest.raises(StorageUnavailable) as refused:
            check()
        assert refused.value.values == {"reason": "full"}
    moment[0] += now_and_then.AGAIN_SECONDS
    check()

    assert errors == []


def test_others_are_not_held_up_by_one_that_is_being_tried() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go_on.wait(20)

    check = NowAndThen(hang)
    thread = threading.Thread(target=check)
    thread.start()
    begun.wait(20)

    check()

    assert thread.is_alive()
    go_on.set()
    thread.join(20)
