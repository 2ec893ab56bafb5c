from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import BadName, NotFound, StorageUnavailable
from core.storage import FtpAddress, Session, Storage
from tests.ftp_servers import SERVERS, FtpServer, NoFtpServer, running

BYTES = bytes(range(256)) * 4000
"""1 MB: several reads and writes, and every byte that a text mode would change."""

OURS = ("embedded", "aioftp")
VARIANTS = [pytest.param((name, False), id=name) for name in OURS] + [
    pytest.param((name, tls), id=name + "-tls" * tls, marks=pytest.mark.ftp_servers)
    for name in SERVERS
    for tls in (False, True)
    if name not in OURS
]


@pytest.fixture(scope="module", params=VARIANTS)
def server(request: pytest.FixtureRequest) -> Iterator[FtpServer]:
    name, tls = request.param
    try:
        with running(name, tls=tls) as started:
            yield started
    except NoFtpServer as reason:
        pytest.skip(f"{name}: {reason}")


@pytest.fixture
def storage(server: FtpServer) -> Storage:
    """A base folder of its own for each test, which does not exist yet."""
    return Storage(FtpAddress.from_url(f"{server.url}/{secrets.token_hex(4)}"))


def read(storage: Storage | Session, path: str) -> bytes:
    target = io.BytesIO()
    assert storage.download_to(path, target) == len(target.getvalue())
    return target.getvalue()


def names(storage: Storage, *parts: str) -> list[str]:
    folder = storage.path(*parts)
    return sorted(file.path.removeprefix(f"{folder}/") for file in storage.list_files(folder))


def test_what_is_uploaded_comes_back_byte_for_byte(storage: Storage) -> None:
    path = storage.path("originals", "1/2", "task.zip")

    stored = storage.upload(path, io.BytesIO(BYTES))

    assert stored == storage.size(path) == len(BYTES)
    assert read(storage, path) == BYTES
    assert names(storage) == ["originals/1/2/task.zip"]


def test_an_empty_file_is_a_file(storage: Storage) -> None:
    path = storage.path("empty.zip")

    assert storage.upload(path, io.BytesIO()) == 0

    assert storage.size(path) == 0
    assert read(storage, path) == b""


def test_an_upload_starts_where_the_source_stands(storage: Storage) -> None:
    source = io.BytesIO(b"head and tail")
    source.seek(5)

    storage.upload(storage.path("tail.txt"), source)

    assert read(storage, storage.path("tail.txt")) == b"and tail"


def test_a_second_upload_replaces_the_first(storage: Storage) -> None:
    path = storage.path("task.zip")
    storage.upload(path, io.BytesIO(BYTES))

    storage.upload(path, io.BytesIO(b"shorter"))

    assert read(storage, path) == b"shorter"
    assert names(storage) == ["task.zip"]


def test_a_stream_starts_anywhere(storage: Storage) -> None:
    path = storage.path("task.zip")
    storage.upload(path, io.BytesIO(BYTES))

    pieces = list(storage.stream(path, offset=700_001, chunk=1000))

    assert b"".join(pieces) == BYTES[700_001:]
    assert max(map(len, pieces)) <= 1000


def test_a_stream_that_is_ended_early_leaves_the_storage_usable(storage: Storage) -> None:
    path = storage.path("task.zip")
    storage.upload(path, io.BytesIO(BYTES))

    with storage.session() as session:
        stream = session.stream(path)
        next(stream)
        stream.close()

        assert session.size(path) == len(BYTES)


def test_a_stream_is_cut_rather_than_mixed_up_with_what_follows(storage: Storage) -> None:
    path = storage.path("task.zip")
    storage.upload(path, io.BytesIO(BYTES * 20))

    with storage.session() as session:
        stream = session.stream(path)

        assert session.size(path) == len(BYTES) * 20
        with pytest.raises(StorageUnavailable):
            list(stream)


def test_a_copy_is_a_file_of_its_own(storage: Storage) -> None:
    original, attempt = storage.path("o/task.zip"), storage.path("a/1/task.zip")
    storage.upload(original, io.BytesIO(BYTES))

    assert storage.copy(original, attempt) == len(BYTES)

    storage.upload(attempt, io.BytesIO(b"results"))
    assert read(storage, original) == BYTES
    assert read(storage, attempt) == b"results"


def test_a_missing_file_is_not_found_and_leaves_no_trace(storage: Storage) -> None:
    missing = storage.path("missing.zip")

    for use in (
        lambda: storage.download_to(missing, io.BytesIO()),
        lambda: storage.stream(missing),
        lambda: storage.copy(missing, storage.path("copy.zip")),
    ):
        with pytest.raises(NotFound):
            use()

    assert storage.size(missing) is None
    assert names(storage) == []


def test_a_folder_has_no_size(storage: Storage) -> None:
    storage.upload(storage.path("folder/task.zip"), io.BytesIO(b"x"))

    assert storage.size(storage.path("folder")) is None


def test_deleting_is_done_once_and_fine_twice(storage: Storage) -> None:
    path = storage.path("task.zip")
    storage.upload(path, io.BytesIO(b"x"))

    storage.delete(path)
    storage.delete(path)

    assert storage.size(path) is None


def test_a_listing_knows_every_file_below_with_size_and_time(storage: Storage) -> None:
    storage.upload(storage.path("a/b/deep.zip"), io.BytesIO(b"12345"))
    storage.upload(storage.path("top.zip"), io.BytesIO(b""))

    files = {file.path: file for file in storage.list_files(storage.path("a").rpartition("/")[0])}

    assert set(files) == {storage.path("a/b/deep.zip"), storage.path("top.zip")}
    deep = files[storage.path("a/b/deep.zip")]
    assert deep.size == 5
    assert abs(datetime.now(UTC) - deep.modified) < timedelta(minutes=2)


def test_a_check_makes_the_base_folder(storage: Storage) -> None:
    storage.check()

    assert names(storage) == []
    storage.check()


def test_many_files_go_over_one_kept_session(storage: Storage) -> None:
    with storage.session() as session:
        for number in range(20):
            session.upload(session.path(f"{number}.zip"), io.BytesIO(b"%d" % number))
        with pytest.raises(NotFound):
            session.download_to(session.path("missing"), io.BytesIO())
        session.copy(session.path("7.zip"), session.path("copy.zip"))
        session.delete(session.path("8.zip"))

        assert read(session, session.path("copy.zip")) == b"7"

    assert len(names(storage)) == 20


def test_threads_do_not_disturb_each_other(storage: Storage) -> None:
    start = threading.Barrier(6)

    def work(number: int) -> bytes:
        start.wait()
        path = storage.path(f"new/{number}/task.zip")
        storage.upload(path, io.BytesIO(b"%d" % number * 100_000))
        return read(storage, path)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(work, range(6)))

    assert results == [b"%d" % number * 100_000 for number in range(6)]


@pytest.mark.parametrize(
    "path", ["relative.zip", "/a/../b", "/a b", "/a\r\nDELE /b", "/ñ", "", "/a/..", "/semi;colon"]
)
def test_a_path_that_cannot_be_ours_is_refused(storage: Storage, path: str) -> None:
    with pytest.raises(BadName):
        storage.delete(path)
    with pytest.raises(BadName):
        storage.upload(path, io.BytesIO(b"x"))
