"""How fast and how lean the storage is, beside curl on the same server.

    python bench/storage.py                      1 GB through vsftpd from Debian's packages
    python bench/storage.py --url ftp://u:p@h/b  through a server of yours
    python bench/storage.py --megabytes 100 --server proftpd

Up, down and copy of one large file with the growth of memory, then small files one by one and over
a kept session. Goals: 60 % of curl's speed, at most 32 MB more memory.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.storage import FtpAddress, Storage
from tests.ftp_servers import SERVERS, NoFtpServer, running

MB = 1_000_000
SMALL_FILES, SMALL_BYTES = 200, 100_000


def resident() -> int:
    """Memory of this process in bytes, as the kernel counts it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def highest_memory() -> Iterator[list[int]]:
    """A list whose only item is, at the end, by how many bytes memory grew at most."""
    before, growth, done = resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            growth[0] = max(growth[0], resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        done.set()
        watcher.join()


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show(name: str, size: int, work: Callable[[], object], curl: float | None = None) -> None:
    """Run `work` on `size` bytes and print a line."""
    with highest_memory() as growth:
        taken = seconds(work)
    speed = size / MB / taken
    beside = f"   {100 * speed / curl:4.0f} % of curl" if curl else ""
    print(f"{name:10} {speed:7.0f} MB/s   memory +{growth[0] / MB:5.1f} MB{beside}")


def time_curl(address: FtpAddress, path: str, source: Path) -> tuple[float, float] | tuple[None, None]:
    """Speed of curl up and down, in MB/s."""
    if shutil.which("curl") is None:
        return None, None
    url = f"ftp://{address.host}:{address.port}/{path}"
    common = ["curl", "-s", "--fail", "-K", "-", "--ftp-create-dirs"]
    login = f'user = "{address.user}:{address.password}"\n'.encode()
    if address.tls != "off":
        common += ["--ssl", "--insecure"]
    up = seconds(lambda: subprocess.run([*common, "-T", source, url], input=login, check=True))
    down = seconds(lambda: subprocess.run([*common, "-o", os.devnull, url], input=login, check=True))
    size = source.stat().st_size / MB
    print(f"{'curl':10} {size / up:7.0f} MB/s up   {size / down:7.0f} MB/s down")
    return size / up, size / down


def measure(url: str, size: int) -> None:
    """Print everything about the server at `url`."""
    address = FtpAddress.from_url(url)
    storage = Storage(address)
    folder = f"bench-{secrets.token_hex(4)}"
    large, copied = storage.path(folder, "large"), storage.path(folder, "copy")
    storage.check()
    with tempfile.NamedTemporaryFile() as source:
        block = os.urandom(MB)
        for _ in range(size // MB):
            source.write(block)
        source.flush()
        up, down = time_curl(address, storage.path(folder, "curl"), Path(source.name))
        with Path(source.name).open("rb") as file:
            show("upload", size, lambda: storage.upload(large, file), up)
    with Path(os.devnull).open("wb") as nowhere:
        show("download", size, lambda: storage.download_to(large, nowhere), down)
    show("stream", size, lambda: sum(map(len, storage.stream(large))), down)
    show("copy", size, lambda: storage.copy(large, copied))
    measure_small(storage, folder)
    for stored in list(storage.list_files(storage.path(folder))):
        storage.delete(stored.path)


def measure_small(storage: Storage, folder: str) -> None:
    """Print how many small files go up in a second."""
    content = os.urandom(SMALL_BYTES)
    path = storage.path(folder, "small")
    alone = seconds(lambda: [storage.upload(path, io.BytesIO(content)) for _ in range(20)])
    with storage.session() as session:
        kept = seconds(
            lambda: [session.upload(f"{path}{number}", io.BytesIO(content)) for number in range(SMALL_FILES)]
        )
    print(f"{'100 KB':10} {20 / alone:7.0f}/s alone   {SMALL_FILES / kept:7.0f}/s over a kept session")


def main() -> None:
    """Read the command line, start a server if none is given, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", help="an FTP server; default: one is started")
    parser.add_argument("--server", choices=SERVERS, default="vsftpd")
    parser.add_argument("--tls", action="store_true", help="start the server with TLS")
    parser.add_argument("--megabytes", type=int, default=1000)
    arguments = parser.parse_args()
    size = arguments.megabytes * MB
    if arguments.url:
        measure(arguments.url, size)
        return
    try:
        with running(arguments.server, tls=arguments.tls) as server:
            print(f"{arguments.server}{' with TLS' if arguments.tls else ''}, {arguments.megabytes} MB")
            measure(server.url, size)
    except NoFtpServer as reason:
        sys.exit(f"no server to measure: {reason}")


if __name__ == "__main__":
    main()
