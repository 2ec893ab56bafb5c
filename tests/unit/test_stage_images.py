"""Images of stages are unpacked inside their folder, whatever the archive says."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from core.archive.images import unpack_image
from core.archive.limits import Limits
from core.errors import ArchiveBomb, UnsafeEntry

Entry = tuple[str, str, str]
"""Name, kind (`file`, `folder`, `symlink`, `hardlink`, `device`, `pipe`), content or target."""

_KINDS = {
    "folder": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "pipe": tarfile.FIFOTYPE,
}


def image(*entries: Entry) -> io.BytesIO:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.mode = 0o4777
            if kind == "file":
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content.encode()))
            else:
                info.type, info.linkname = _KINDS[kind], content
                archive.addfile(info)
    target.seek(0)
    return target


def long_path_escape(outside: Path) -> tuple[Entry, ...]:
    """Links through a path that is longer than the system resolves (CVE-2025-4517)."""
    entries: list[Entry] = []
    part, path = "d" * 247, ""
    for letter in "abcdefghijklmnop":
        entries += [(f"{path}{part}", "folder", ""), (f"{path}{letter}", "symlink", part)]
        path += f"{part}/"
    through = "/".join("abcdefghijklmnop")
    entries.append((f"{through}/{'l' * 254}", "symlink", "../" * 16))
    entries.append(("escape", "symlink", f"{through}/{'l' * 254}/../../{outside.name}"))
    entries.append(("escape/written", "file", "out"))
    return tuple(entries)


def test_files_folders_and_inner_links_are_unpacked_with_plain_modes(tmp_path: Path) -> None:
    unpack_image(
        image(
            ("bin/run", "file", "#!/bin/sh"),
            ("lib", "folder", ""),
            ("lib/run", "symlink", "../bin/run"),
            ("copy", "hardlink", "bin/run"),
        ),
        tmp_path,
    )

    assert (tmp_path / "lib/run").read_text() == (tmp_path / "copy").read_text() == "#!/bin/sh"
    assert (tmp_path / "bin/run").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "entries",
    [
        [("/etc/written", "file", "x")],
        [("../written", "file", "x")],
        [("a/../../written", "file", "x")],
        [("out", "symlink", "/etc"), ("out/written", "file", "x")],
        [("out", "symlink", ".."), ("out/written", "file", "x")],
        [("inside", "folder", ""), ("to", "symlink", "inside"), ("to/written", "file", "x")],
        [("here", "symlink", "."), ("up", "symlink", "here/../..")],
        [("a/b", "folder", ""), ("a/up", "symlink", "../../x")],
        [("link", "hardlink", "/etc/passwd")],
        [("link", "hardlink", "../passwd")],
        [("soft", "symlink", "x"), ("soft", "file", "x")],
        [("null", "device", "")],
        [("pipe", "pipe", "")],
        [("twice", "file", "x"), ("twice", "file", "y")],
        [("file", "file", "x"), ("file/below", "file", "y")],
    ],
)
def test_whatever_leads_outside_or_is_no_plain_file_is_refused(tmp_path: Path, entries: list[Entry]) -> None:
    folder = tmp_path / "image"
    folder.mkdir()

    with pytest.raises(UnsafeEntry):
        unpack_image(image(*entries), folder)

    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_a_path_longer_than_the_system_resolves_leads_nowhere(tmp_path: Path) -> None:
    folder, outside = tmp_path / "image", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()

    with pytest.raises(UnsafeEntry):
        unpack_image(image(*long_path_escape(outside)), folder)

    assert list(outside.iterdir()) == []


def test_too_many_or_too_large_files_are_refused(tmp_path: Path) -> None:
    many, large = tmp_path / "many", tmp_path / "large"
    many.mkdir()
    large.mkdir()

    with pytest.raises(ArchiveBomb):
        unpack_image(image(*((str(n), "file", "") for n in range(12))), many, limits=Limits(entries=10))
    with pytest.raises(ArchiveBomb):
        unpack_image(image(("a", "file", "x" * 2000)), large, limits=Limits(unpacked_bytes=1000))

    assert sum(path.stat().st_size for path in large.iterdir()) <= 1000
