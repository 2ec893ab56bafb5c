"""Whether a large submission travels through the endpoint without growing it.

    python bench/big_files.py                    1 GB up and down through vsftpd from Debian's packages
    python bench/big_files.py --server embedded  through the server of the embedded default
    python bench/big_files.py --megabytes 100

Starts Postgres, an FTP server and the endpoint as processes of their own, hands one archive in,
fetches it back, whole and from the middle, and prints the growth of the endpoint's memory.
Goal: at most 32 MB more.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.bootstrap import open_context
from core.config import Settings
from core.context import Context
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import _free_port
from core.migrate import upgrade
from core.services import accounts
from tests import builders
from tests.ftp_servers import SERVERS, NoFtpServer, running

ROOT = Path(__file__).resolve().parents[1]
MB = 1_000_000
GOAL_MB = 32


def resident(pid: int) -> int:
    """Memory of a process in bytes, as the kernel counts it."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def watching(pid: int) -> Iterator[list[int]]:
    """A list whose only item is by how many bytes the process has grown at most."""
    before, growth, done = resident(pid), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            growth[0] = max(growth[0], resident(pid) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        done.set()
        watcher.join()


def show(name: str, pid: int, size: int, work: Callable[[], object]) -> float:
    """Run `work`, print a line, answer the growth in MB."""
    with watching(pid) as growth:
        begun = time.perf_counter()
        work()
        taken = time.perf_counter() - begun
    print(f"{name:12} {taken:6.1f} s {size / MB / taken:6.0f} MB/s   memory +{growth[0] / MB:5.1f} MB")
    return growth[0] / MB


def write_archive(path: Path, size: int) -> None:
    """A ZIP of `size` bytes that cannot be compressed."""
    block = os.urandom(MB)
    with zipfile.ZipFile(path, "w") as made, made.open("work/data.bin", "w", force_zip64=True) as entry:
        for _ in range(size // MB):
            entry.write(block)


@contextlib.contextmanager
def endpoint(settings: dict[str, str], port: int) -> Iterator[int]:
    """The endpoint as `make up` runs it; its process id."""
    command = [sys.executable, "-m", "web", "api.app:app", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | settings) as process:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=0)) as client:
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        client.get(f"http://127.0.0.1:{port}/healthz")
                        break
                    time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()


def fetch(client: httpx.Client, path: str, offset: int = 0) -> str:
    """SHA-256 of what comes, from `offset` on."""
    digest = hashlib.sha256()
    with client.stream("GET", path, headers={"Range": f"bytes={offset}-"}) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_raw(262_144):
            digest.update(chunk)
    return digest.hexdigest()


def send(client: httpx.Client, path: str, archive: Path) -> httpx.Response:
    """Hand `archive` in; the answer."""
    with archive.open("rb") as file:
        return client.post(path, files={"file": ("work.zip", file)})


def measure(ctx: Context, port: int, pid: int, archive: Path) -> float:
    """Print everything about one archive; the largest growth in MB."""
    world = builders.world(ctx)
    token = accounts.issue_api_token(ctx, world.student.user_id or 0)
    size = archive.stat().st_size
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300) as client:
        path = f"/assignments/{world.assignment_id}/submit"
        small = archive.with_name("small.zip")
        write_archive(small, MB)
        send(client, path, small).raise_for_status()
        answers: list[httpx.Response] = []
        up = show("submit", pid, size, lambda: answers.append(send(client, path, archive)))
        task = answers[0].raise_for_status().json()
        file = f"/tasks/{task['id']}/submission"
        found: list[str] = []
        down = show("download", pid, size, lambda: found.append(fetch(client, file)))
        if found != [task["sha256"]]:
            sys.exit("what came back is not what was handed in")
        half = show("second half", pid, size // 2, lambda: fetch(client, file, size // 2))
    return max(up, down, half)


def main() -> None:
    """Read the command line, start everything, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--server", choices=SERVERS, default="vsftpd")
    parser.add_argument("--megabytes", type=int, default=1000)
    arguments = parser.parse_args()
    try:
        with running(arguments.server) as ftp, tempfile.TemporaryDirectory() as folder:
            growth = run(ftp.url, Path(folder), arguments.megabytes)
    except NoFtpServer as reason:
        sys.exit(f"no server to measure: {reason}")
    if growth > GOAL_MB:
        sys.exit(f"the endpoint grew by {growth:.0f} MB, more than {GOAL_MB}")


def run(ftp_url: str, folder: Path, megabytes: int) -> float:
    """Everything beside the FTP server; the largest growth in MB."""
    archive, port = folder / "large.zip", _free_port(0)
    write_archive(archive, megabytes * MB)
    server = EmbeddedPostgres(folder / "postgres", port=_free_port(0), password="bench")  # noqa: S106  gone at the end
    with server:
        settings = {
            "ULOS_DATABASE_URL": server.url(),
            "ULOS_FTP_URL": ftp_url,
            "ULOS_SECRET_KEY": "bench",
            "ULOS_CALLBACK_TOKEN": "bench",
            "ULOS_MAX_UPLOAD_MB": str(megabytes * 2),
            "TMPDIR": str(folder),
        }
        ctx = open_context(
            Settings(**{name[5:].lower(): value for name, value in settings.items() if name[:5] == "ULOS_"})
        )
        upgrade(ctx.db)
        with endpoint(settings, port) as pid:
            growth = measure(ctx, port, pid, archive)
        ctx.db.dispose()
    return growth


if __name__ == "__main__":
    main()
