"""What the runner does with its rights, and on machines that lack a part of the sandbox."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import Settings
from core.demo import samples
from runner import machine, scratch
from runner.machine import describe, find_sandbox
from runner.privileges import User, choose_user
from runner.seccomp import NoSeccomp
from tests.laboratory import Laboratory, statuses
from tests.unprivileged import as_runner


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]  # as a person writes them


def test_root_is_given_up_for_good() -> None:
    def look() -> tuple[tuple[int, ...], list[int], str, str]:
        status = Path("/proc/thread-self/status").read_text()
        bounding = next(line for line in status.splitlines() if line.startswith("CapBnd"))
        try:
            os.setuid(0)
        except PermissionError as error:
            return os.getresuid(), os.getgroups(), bounding, type(error).__name__
        return os.getresuid(), os.getgroups(), bounding, "root again"

    ids, groups, bounding, error = as_runner(look)

    assert 0 not in ids
    assert error == "PermissionError"
    if os.geteuid() == 0:
        assert ids == (choose_user().uid,) * 3
        assert groups == []
        assert int(bounding.split()[1], 16) == 0


def test_nobody_is_used_where_a_container_maps_few_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.privileges._is_mapped", lambda *_: False)

    assert choose_user() == User(65_534, 65_534)


def test_a_missing_part_of_the_sandbox_is_named_and_student_code_refused(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if laboratory.sandbox.bwrap is None:
        pytest.skip("no bubblewrap on this machine")

    def missing() -> bytes:
        raise NoSeccomp("libseccomp is not installed")

    monkeypatch.setattr(machine, "build_filter", missing)
    refusing, problems = as_runner(lambda: find_sandbox(settings(), None))
    allowed, _ = as_runner(lambda: find_sandbox(settings(runner_allow_without="seccomp"), None))

    task = replace(laboratory, sandbox=refusing).run("Python tests", samples.pytest_good())
    again = replace(laboratory, sandbox=allowed).run("Python tests", samples.pytest_good())

    assert statuses(task) == ["COMPLETED", "FAILED"], "the first stage is a trusted grader"
    assert "seccomp" in (task.current.stages[1].reason or "")
    assert "ULOS_RUNNER_ALLOW_WITHOUT=seccomp" in describe(refusing, problems)
    assert statuses(again) == ["COMPLETED", "COMPLETED"]


def test_without_bubblewrap_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)

    sandbox, problems = as_runner(lambda: find_sandbox(settings(), None))

    assert sandbox.bwrap is None
    assert "apt-get install bubblewrap" in describe(sandbox, problems)


def test_folders_of_runners_that_were_killed_are_removed_and_those_of_others_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scratch, "_GRACE_SECONDS", -60.0)

    def work() -> tuple[list[bool], bool]:
        place = Path(tempfile.mkdtemp())
        monkeypatch.setenv("TMPDIR", str(place))
        dead = Path(tempfile.mkdtemp(prefix="ulos-runner-", dir=place))
        (dead / "work").mkdir()
        alive = scratch.enter_scratch()
        monkeypatch.setenv("TMPDIR", str(place))
        own = scratch.enter_scratch()
        return [folder.exists() for folder in (dead, alive, own)], own.stat().st_mode & 0o077 == 0

    assert as_runner(work) == ([False, True, True], True)
