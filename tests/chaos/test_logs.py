from __future__ import annotations

from pathlib import Path

from tests.chaos.logs import LogPositions

TRACE = """2026-03-02 15:00:00 ERROR something
Traceback (most recent call last):
  File "core/relay.py", line 1, in <module>
    1 / 0
ZeroDivisionError: division by zero
2026-03-02 15:00:01 INFO on it goes
"""


def test_traces_of_the_round_are_found_and_older_ones_are_not(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text(TRACE)
    positions = LogPositions([log])
    assert positions.unforeseen([log]) == []

    with log.open("a") as file:
        file.write("well\n" + TRACE)
    assert positions.unforeseen([log]) == ["worker.log: ZeroDivisionError: division by zero"]


def test_log_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("x" * 10_000)
    positions = LogPositions([log])

    log.write_text(TRACE)

    assert positions.unforeseen([log]) == ["api.log: ZeroDivisionError: division by zero"]


def test_trace_is_forgiven_only_in_the_log_that_it_is_allowed_in(tmp_path: Path) -> None:
    trace = TRACE.replace("ZeroDivisionError: division by zero", "ConnectionResetError: Connection lost")
    for name in ("ftp.log", "worker.log"):
        (tmp_path / name).write_text(trace)

    found = LogPositions([]).unforeseen(sorted(tmp_path.glob("*.log")))

    assert found == ["worker.log: ConnectionResetError: Connection lost"]


def test_group_of_errors_is_found(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text(f"  + Exception Group {TRACE.splitlines()[1]}\n  | ExceptionGroup: several\nlast line\n")

    assert LogPositions([]).unforeseen([log]) == ["api.log: last line"]
