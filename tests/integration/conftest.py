"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Settings
from core.context import Context
from tests.laboratory import Laboratory, Run, find_best_sandbox, open_laboratory


@pytest.fixture
def laboratory(ctx: Context) -> Iterator[Laboratory]:
    with open_laboratory(ctx) as opened:
        yield opened


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in a sandbox of its own; to be called in `as_runner`."""
    sandbox = find_best_sandbox(Settings(_env_file=None, data_dir=tmp_path))
    if sandbox.bwrap is None:
        pytest.skip("no bubblewrap on this machine")
    return Run(sandbox)
