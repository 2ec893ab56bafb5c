"""Starts the FTP servers that people have, privately: no service, no user, no trace afterwards.

vsftpd, ProFTPD and Pure-FTPd exclude one another in apt, so their packages are unpacked side by
side. What cannot be had here raises `NoFtpServer` with the reason.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.packages import NotHere as NoFtpServer
from tests.packages import environment, run, unpacked

USER, PASSWORD = "ulos", "s3cret"
READY_WITHIN = 60
PACKAGES = {
    "vsftpd": ("vsftpd",),
    "proftpd": ("proftpd-core", "proftpd-mod-crypto"),
    "pureftpd": ("pure-ftpd",),
}
SERVERS = ("embedded", "aioftp", *PACKAGES)


@dataclass(frozen=True)
class FtpServer:
    """A running server: `url` leads to the folder that is `folder` on this machine."""

    name: str
    url: str
    folder: Path
    certificate: Path | None = None

    def count_connections(self) -> int:
        """How many clients are connected to the control port."""
        port = f":{urlsplit(self.url).port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(port) and row[3] == "01" for row in rows)


@contextlib.contextmanager
def running(name: str, *, tls: bool = False) -> Iterator[FtpServer]:
    """The server `name`, one of `SERVERS`, in a folder of its own that is gone afterwards.

    Raises:
        NoFtpServer: it cannot be had or started here.

    """
    with tempfile.TemporaryDirectory(prefix="ulos-ftp-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # the server may work as another user
        if name in ("embedded", "aioftp"):
            with aioftp_server(folder) if name == "aioftp" else embedded_server(folder) as server:
                yield server
        else:
            with _packaged_server(name, folder, tls=tls) as server:
                yield server


@contextlib.contextmanager
def _packaged_server(name: str, folder: Path, *, tls: bool) -> Iterator[FtpServer]:
    root = unpacked(name, PACKAGES[name])
    certificate = _make_certificate(folder) if tls else None
    start = {"vsftpd": _vsftpd, "proftpd": _proftpd, "pureftpd": _pureftpd}[name]
    port = _free_port()
    setup = start(root, folder, port, certificate)
    with _process(setup.command, environment(root), folder / "server.log", port):
        url = f"ftp://{setup.user}:{PASSWORD}@127.0.0.1:{port}{setup.base}"
        yield FtpServer(name, url, setup.files, certificate)


@contextlib.contextmanager
def aioftp_server(folder: Path, disk: str = "sound", idle_timeout: float = 0) -> Iterator[FtpServer]:
    """aioftp's own server, whose `disk` (see `aioftp_server.DISKS`) may be out of order."""
    (folder / "files").mkdir(exist_ok=True)
    port = _free_port()
    program = Path(__file__).with_name("aioftp_server.py")
    command = [sys.executable, str(program), str(folder), str(port), USER, PASSWORD, disk, str(idle_timeout)]
    with _process(command, os.environ, folder / "server.log", port):
        yield FtpServer("aioftp", f"ftp://{USER}:{PASSWORD}@127.0.0.1:{port}/files", folder / "files")


@contextlib.contextmanager
def embedded_server(folder: Path) -> Iterator[FtpServer]:
    """The one of the embedded default, as a program of its own."""
    port = _free_port()
    program = f"""
import asyncio, pathlib
from core.embedded.ftp import serve
asyncio.run(serve(pathlib.Path({str(folder)!r}), {port}, {PASSWORD!r}))
"""
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with _process([sys.executable, "-c", program], paths, folder / "server.log", port):
        yield FtpServer("embedded", f"ftp://{USER}:{PASSWORD}@127.0.0.1:{port}/ulos", folder / "ulos")


@dataclass(frozen=True)
class Setup:
    """How a server is started, and where the base folder is for it and for us."""

    command: Sequence[str | Path]
    base: str
    files: Path
    user: str = USER


def _vsftpd(root: Path, folder: Path, port: int, certificate: Path | None) -> Setup:
    """By the anonymous door, which asks no system for accounts; the list of e-mails is its password."""
    home, files = _make_home(folder)
    is_root = os.geteuid() == 0
    (folder / "passwords").write_text(f"{PASSWORD}\n")
    (folder / "empty").mkdir()
    options = {
        "listen": "YES",
        "background": "NO",
        "listen_address": "127.0.0.1",
        "listen_port": str(port),
        "anonymous_enable": "YES",
        "ftp_username": _owner().pw_name,
        "anon_root": str(home),
        "secure_email_list_enable": "YES",
        "email_password_file": str(folder / "passwords"),
        "write_enable": "YES",
        "anon_upload_enable": "YES",
        "anon_mkdir_write_enable": "YES",
        "anon_other_write_enable": "YES",
        "anon_umask": "022",
        "seccomp_sandbox": "NO",
        "run_as_launching_user": "NO" if is_root else "YES",
        "secure_chroot_dir": str(folder / "empty"),
        "xferlog_enable": "NO",
    }
    if certificate:
        options |= {
            "ssl_enable": "YES",
            "allow_anon_ssl": "YES",
            "force_anon_logins_ssl": "YES",
            "force_anon_data_ssl": "YES",
            "rsa_cert_file": str(certificate),
            "ssl_ciphers": "HIGH",
        }
    config = folder / "vsftpd.conf"
    config.write_text("".join(f"{key}={value}\n" for key, value in options.items()))
    base = "/files" if is_root else str(files)
    return Setup([root / "usr/sbin/vsftpd", config], base, files, user="anonymous")


def _proftpd(root: Path, folder: Path, port: int, certificate: Path | None) -> Setup:
    home, files = _make_home(folder)
    owner = _owner()
    users = folder / "users"
    users.write_text(f"{USER}:{_crypt()}:{owner.pw_uid}:{owner.pw_gid}::{home}:/bin/sh\n")
    users.chmod(0o600)
    lines = [
        f"ModulePath {root}/usr/lib/proftpd",
        *(f"LoadModule mod_{name}.c" for name in ("tls",) if certificate),
        "ServerType standalone",
        "DefaultAddress 127.0.0.1",
        f"Port {port}",
        f"User {owner.pw_name}",
        f"Group {grp.getgrgid(owner.pw_gid).gr_name}",
        "UseIPv6 off",
        "UseReverseDNS off",
        "RequireValidShell off",
        "AuthPAM off",
        "AuthOrder mod_auth_file.c",
        f"AuthUserFile {users}",
        "DefaultRoot ~",
        "WtmpLog off",
        "DelayEngine off",
        "TransferLog none",
        f"SystemLog {folder}/proftpd.log",
        f"PidFile {folder}/proftpd.pid",
        f"ScoreboardFile {folder}/scoreboard",
        f"DelayTable {folder}/delay",
    ]
    if certificate:
        lines += [
            "TLSEngine on",
            "TLSRequired on",
            f"TLSRSACertificateFile {certificate}",
            f"TLSRSACertificateKeyFile {certificate}",
            f"TLSLog {folder}/tls.log",
        ]
    config = folder / "proftpd.conf"
    config.write_text("\n".join(lines) + "\n")
    return Setup([root / "usr/sbin/proftpd", "-n", "-q", "-c", config], "/files", files)


def _pureftpd(root: Path, folder: Path, port: int, certificate: Path | None) -> Setup:
    if os.geteuid() != 0:
        raise NoFtpServer("Pure-FTPd from Debian runs as root only")
    home, files = _make_home(folder)
    owner = _owner()
    passwords, database = folder / "passwords", folder / "passwords.pdb"
    fields = (USER, _crypt(), owner.pw_uid, owner.pw_gid, "", f"{home}/./", *[""] * 12)
    passwords.write_text(":".join(map(str, fields)) + "\n")
    run([root / "usr/bin/pure-pw", "mkdb", database, "-f", passwords], root)
    command: list[str | Path] = [root / "usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{port}", "-H"]
    command += ["-l", f"puredb:{database}", "-u", "1", "-g", folder / "pure-ftpd.pid"]
    if certificate:
        command += ["-Y", "3", "-2", certificate]
    return Setup(command, "/files", files)


def _make_home(folder: Path) -> tuple[Path, Path]:
    """The folder that the server shows as `/`, and `files` in it, which the user may write to."""
    home, files = folder / "home", folder / "home" / "files"
    files.mkdir(parents=True)
    for path in (home, files):
        path.chmod(0o755)
    os.chown(files, _owner().pw_uid, _owner().pw_gid)
    for parent in folder.parents:
        if not parent.stat().st_mode & 0o001:
            raise NoFtpServer(f"{parent} is closed to the server's user")
    return home, files


def _owner() -> pwd.struct_passwd:
    """Who the server works as: ourselves, or the user daemon, since servers refuse to work as root.

    Not nobody: vsftpd wants a user whose home exists.
    """
    return pwd.getpwnam("daemon") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _crypt() -> str:
    return run(["openssl", "passwd", "-6", PASSWORD]).strip()


def _make_certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    names = "-addext subjectAltName=IP:127.0.0.1"
    run([*request.split(), *names.split(), "-keyout", key, "-out", certificate])
    both.write_text(key.read_text() + certificate.read_text())
    both.chmod(0o600)
    return both


@contextlib.contextmanager
def _process(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path, port: int
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
        try:
            _wait_for_greeting(process, log, port)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for_greeting(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as probe:
            if probe.recv(3) == b"220":
                return
        time.sleep(0.02)
    raise NoFtpServer(f"{process.args!r} did not start: {log.read_text(errors='replace')[-500:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def scripted_server(*lines: bytes) -> Iterator[str]:
    """The URL of a server that greets every connection with `lines`, and then never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        held = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    held.append(connection)
                    connection.sendall(b"".join(line + b"\r\n" for line in lines))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"ftp://{USER}:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/files"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(READY_WITHIN)
        for connection in held:
            connection.close()
