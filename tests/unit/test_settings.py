"""Settings that cannot be used end a process with one line each."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def start(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", [("core", "up"), ("web", "api.app:app", "--port", "1"), ("runner",)])
def test_a_public_address_with_a_path_is_refused_at_start(command: tuple[str, ...]) -> None:
    ended = start(*command, ULOS_PUBLIC_URL="https://uni.example/ulos")

    assert ended.returncode == 1
    assert ended.stderr == (
        "ULOS_PUBLIC_URL: the dashboard does not work under a path such as /ulos: "
        "give it a host name of its own, as in https://ulos.example\n"
    )


def test_each_setting_that_is_wrong_has_its_line_and_no_secret_is_shown() -> None:
    ended = start("core", "up", ULOS_API_PORT="none", ULOS_SMTP_URL="http://user:s3cret@mail.example")

    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == ["ULOS_API_PORT", "ULOS_SMTP_URL"]
    assert "s3cret" not in ended.stderr
