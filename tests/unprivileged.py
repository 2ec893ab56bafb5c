"""Doing something as the runner does it: as a user without any rights, when the tests run as root."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from runner.privileges import drop_root
from runner.scratch import remove

Result = TypeVar("Result")


def as_runner(function: Callable[[], Result]) -> Result:
    """Call `function` in a child process that has given up root; return or raise what it does.

    The child is a fork, so it sees all objects of the test, but what it changes stays with it.
    """
    with tempfile.TemporaryFile() as answer:
        child = os.fork()
        if child == 0:
            os._exit(_in_child(function, answer.fileno()))
        _, status = os.waitpid(child, 0)
        answer.seek(0)
        content = answer.read()
    assert content, f"the child ended with {status} and without an answer"
    result: Result
    error: BaseException | None
    result, error = pickle.loads(content)  # noqa: S301  our own child's
    if error is not None:
        raise error
    return result


def _in_child(function: Callable[[], Result], answer: int) -> int:
    said: tuple[Result | None, BaseException | None]
    try:
        drop_root()
        os.umask(0o077)
        tempfile.tempdir = tempfile.mkdtemp(dir="/tmp")
        os.chdir(tempfile.tempdir)
        try:
            said = (function(), None)
        finally:
            os.chdir("/")
            remove(Path(tempfile.tempdir))
    except BaseException as error:  # noqa: BLE001  raised again by the parent
        said = (None, error)
    with open(answer, "wb", closefd=False) as file:
        file.write(pickle.dumps(said))
    return 0
