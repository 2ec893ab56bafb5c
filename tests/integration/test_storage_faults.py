from __future__ import annotations

import asyncio
import gc
import io
import logging
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.config import Settings
from core.errors import StorageUnavailable
from core.storage import FtpAddress, Storage, Timeouts, open_storage, session
from tests.ftp_servers import (
    FtpServer,
    NoFtpServer,
    aioftp_server,
    embedded_server,
    running,
    scripted_server,
)
from tests.waiting import eventually

IMPATIENT = Timeouts(connect=0.5, progress=0.5)
BYTES = bytes(range(256)) * 20_000

Start = Callable[..., FtpServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server whose disk is out of order, in `tmp_path`."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(aioftp_server(tmp_path, **how))


def storage_at(url: str) -> Storage:
    return Storage(FtpAddress.from_url(url), IMPATIENT)


def files_in(server: FtpServer) -> list[str]:
    return [path.name for path in server.folder.rglob("*") if path.is_file()]


OPERATIONS: dict[str, Callable[[Storage], object]] = {
    "upload": lambda storage: storage.upload("/files/a.zip", io.BytesIO(BYTES)),
    "download_to": lambda storage: storage.download_to("/files/a.zip", io.BytesIO()),
    "stream": lambda storage: storage.stream("/files/a.zip"),
    "copy": lambda storage: storage.copy("/files/a.zip", "/files/b.zip"),
    "size": lambda storage: storage.size("/files/a.zip"),
    "delete": lambda storage: storage.delete("/files/a.zip"),
    "list_files": lambda storage: list(storage.list_files("/files")),
    "check": lambda storage: storage.check(),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="accepts and never answers"),
        pytest.param([b"220 hello"], id="greets and never answers again"),
        pytest.param([b"220 hello", b"500 no", b"331 password", b"230 in"], id="stops after sign-in"),
        pytest.param([b"HTTP/1.1 400 Bad Request", b""], id="is no FTP server"),
        pytest.param([b"220 hi", b"500 no", b"230 in", b"200 ok", b"\xff\xfe\x00", b"213 x"], id="garbles"),
        pytest.param([b"220 " + b"x" * 100_000], id="never ends its line"),
        pytest.param([b"421 too many connections"], id="turns us away"),
    ],
)
def test_no_server_can_hold_a_caller(operation: Callable[[Storage], object], lines: list[bytes]) -> None:
    with scripted_server(*lines) as url, pytest.raises(StorageUnavailable):
        operation(storage_at(url))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_server_that_is_down_is_said_to_be(operation: Callable[[Storage], object]) -> None:
    with scripted_server() as url:
        pass

    with pytest.raises(StorageUnavailable):
        operation(storage_at(url))


def test_a_cut_upload_leaves_nothing_behind_although_it_was_confirmed(start: Start) -> None:
    server = start(disk="cutting")

    with pytest.raises(StorageUnavailable):
        storage_at(server.url).upload("/files/task.zip", io.BytesIO(BYTES))

    assert files_in(server) == []


def test_a_full_disk_leaves_nothing_behind(start: Start) -> None:
    server = start(disk="full")

    with pytest.raises(StorageUnavailable):
        storage_at(server.url).upload("/files/task.zip", io.BytesIO(BYTES))

    assert files_in(server) == []


def test_a_disk_that_hangs_is_given_up_and_leaves_nothing_behind(start: Start) -> None:
    server = start(disk="frozen")

    with pytest.raises(StorageUnavailable):
        storage_at(server.url).upload("/files/task.zip", io.BytesIO(BYTES))

    assert files_in(server) == []


def test_a_failed_upload_leaves_the_file_before_it_alone(start: Start) -> None:
    server = start(disk="cutting")
    (server.folder / "task.zip").write_bytes(b"the one before")

    with pytest.raises(StorageUnavailable):
        storage_at(server.url).upload("/files/task.zip", io.BytesIO(BYTES))

    assert (server.folder / "task.zip").read_bytes() == b"the one before"


@pytest.mark.parametrize("operation", ["download_to", "stream", "copy", "size"])
def test_a_server_that_dies_between_two_files_of_one_name_has_the_first_when_it_is_back(
    start: Start, operation: str
) -> None:
    server = start(disk="fatal")
    (server.folder / "a.zip").write_bytes(b"the one before")
    with pytest.raises(StorageUnavailable):
        storage_at(server.url).upload("/files/a.zip", io.BytesIO(BYTES))
    assert not (server.folder / "a.zip").exists()

    again = start()

    OPERATIONS[operation](storage_at(again.url))
    assert (server.folder / "a.zip").read_bytes() == b"the one before"
    storage_at(again.url).upload("/files/a.zip", io.BytesIO(BYTES))
    assert (server.folder / "a.zip").read_bytes() == BYTES


def test_the_embedded_server_never_is_without_a_file_that_is_replaced(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as server:
        storage = storage_at(server.url)
        storage.upload("/ulos/a.zip", io.BytesIO(b"the one before"))
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(
                lambda: [storage.upload("/ulos/a.zip", io.BytesIO(BYTES)) for _ in range(50)]
            )
            seen = {(server.folder / "a.zip").exists()}
            while not writing.done():
                seen.add((server.folder / "a.zip").exists())

        assert seen == {True}


def test_a_source_that_breaks_keeps_its_own_error_and_leaves_nothing_behind(start: Start) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("the disk of the dashboard")
            return super().read(size)

    server = start()

    with pytest.raises(OSError, match="the disk of the dashboard"):
        storage_at(server.url).upload("/files/task.zip", Broken(BYTES))

    assert files_in(server) == []


def test_a_target_that_breaks_keeps_its_own_error(start: Start) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError("no room here")

    server = start()
    (server.folder / "task.zip").write_bytes(BYTES)

    with pytest.raises(OSError, match="no room here"):
        storage_at(server.url).download_to("/files/task.zip", Full())


@pytest.mark.parametrize("operation", ["download_to", "copy"])
def test_a_file_that_ends_early_is_not_taken_for_whole(start: Start, operation: str) -> None:
    server = start(disk="forgetful")
    (server.folder / "a.zip").write_bytes(BYTES)

    with pytest.raises(StorageUnavailable):
        OPERATIONS[operation](storage_at(server.url))

    assert files_in(server) == ["a.zip"]


def test_a_stream_that_is_ended_early_hangs_up(start: Start) -> None:
    server = start()
    (server.folder / "task.zip").write_bytes(BYTES)
    stream = storage_at(server.url).stream("/files/task.zip")
    next(stream)
    assert server.count_connections() == 1

    stream.close()

    eventually(lambda: server.count_connections() == 0)


def test_a_stream_that_nobody_reads_hangs_up_too(start: Start) -> None:
    server = start()
    (server.folder / "task.zip").write_bytes(BYTES)

    storage_at(server.url).stream("/files/task.zip").close()

    eventually(lambda: server.count_connections() == 0)


def test_a_stream_that_is_dropped_inside_an_event_loop_hangs_up(start: Start) -> None:
    server = start()
    (server.folder / "task.zip").write_bytes(BYTES)

    held = [storage_at(server.url).stream("/files/task.zip")]
    next(held[0])

    async def drop() -> None:
        held.clear()
        gc.collect()

    asyncio.run(drop())

    eventually(lambda: server.count_connections() == 0)


def test_a_kept_session_survives_that_the_server_hung_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_TRUSTED_SECONDS", 0)
    server = start(idle_timeout=0.2)

    with storage_at(server.url).session() as kept:
        kept.upload("/files/a.zip", io.BytesIO(b"1"))
        eventually(lambda: server.count_connections() == 0)

        kept.upload("/files/b.zip", io.BytesIO(b"2"))

    assert sorted(files_in(server)) == ["a.zip", "b.zip"]


def test_a_kept_session_goes_on_after_a_failure(start: Start) -> None:
    server = start(disk="frozen")

    with storage_at(server.url).session() as kept:
        with pytest.raises(StorageUnavailable):
            kept.upload("/files/a.zip", io.BytesIO(BYTES))

        kept.check()


def test_a_wrong_password_is_told_without_the_password(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = start()
    storage = storage_at(server.url.replace(":s3cret@", ":wr0ng-s3cret@"))

    with pytest.raises(StorageUnavailable) as caught:
        storage.check()

    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.values)
    assert "wr0ng-s3cret" not in told + caplog.text + repr(storage._address)


def test_settings_open_the_storage(start: Start) -> None:
    server = start()

    storage = open_storage(Settings(ftp_url=f"{server.url}/below"))

    assert storage.path("a.zip") == "/files/below/a.zip"
    storage.check()


@pytest.fixture(scope="module", params=["vsftpd", "proftpd", "pureftpd"])
def tls_server(request: pytest.FixtureRequest) -> Iterator[FtpServer]:
    try:
        with running(request.param, tls=True) as started:
            yield started
    except NoFtpServer as reason:
        pytest.skip(f"{request.param}: {reason}")


@pytest.mark.ftp_servers
def test_required_tls_takes_no_certificate_that_it_cannot_check(tls_server: FtpServer) -> None:
    storage = Storage(FtpAddress.from_url(f"{tls_server.url}?tls=require"))

    with pytest.raises(StorageUnavailable):
        storage.check()


@pytest.mark.ftp_servers
def test_required_tls_works_with_a_certificate_that_is_trusted(
    tls_server: FtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_server.certificate))
    storage = Storage(FtpAddress.from_url(f"{tls_server.url}?tls=require"))

    storage.upload(storage.path("task.zip"), io.BytesIO(BYTES))

    assert storage.size(storage.path("task.zip")) == len(BYTES)


def test_required_tls_never_signs_in_without(start: Start) -> None:
    with pytest.raises(StorageUnavailable):
        storage_at(f"{start().url}?tls=require").check()
