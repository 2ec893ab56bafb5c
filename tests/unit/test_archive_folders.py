from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from core import errors
from core.archive import Limits, inspect, pack, unpack
from tests.hostile_zips import Raw, make, usual


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below `folder`; None for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def packed(folder: Path) -> io.BytesIO:
    target = io.BytesIO()
    pack(folder, target)
    return target


def test_an_archive_becomes_a_folder(tmp_path: Path) -> None:
    file = usual({"proj/": "", "proj/a.txt": "hello", "proj/deep/er/b.bin": b"\0\xff", "./c.txt": ""})

    unpack(file, tmp_path / "new")

    assert tree(tmp_path / "new") == {
        "c.txt": b"", "proj": None, "proj/a.txt": b"hello",
        "proj/deep": None, "proj/deep/er": None, "proj/deep/er/b.bin": b"\0\xff",
    }  # fmt: skip


def test_unpacked_files_and_folders_have_plain_modes(tmp_path: Path) -> None:
    wild = Raw(b"run.sh", attributes=(stat.S_IFREG | 0o6777) << 16)
    shut = Raw(b"shut/", data=b"", attributes=(stat.S_IFDIR | 0o000) << 16)

    unpack(make(wild, shut), tmp_path)

    assert stat.S_IMODE((tmp_path / "run.sh").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "shut").stat().st_mode) == 0o755


def test_what_stages_have_written_is_unpacked_and_what_systems_left_is_not(tmp_path: Path) -> None:
    unpack(
        usual({"output_x_y.txt": "1", "results/passed.log": "2", "__MACOSX/._a": "3", ".DS_Store": "4"}),
        tmp_path,
    )

    assert set(tree(tmp_path)) == {"output_x_y.txt", "results", "results/passed.log"}


@pytest.mark.parametrize("name", [b"../evil", b"/evil", b"a/../../evil", b"a\\..\\evil", b"C:evil"])
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, name: bytes) -> None:
    inside = tmp_path / "inside"

    with pytest.raises(errors.UnsafeEntry):
        unpack(make(Raw(), Raw(name)), inside)

    assert tree(tmp_path) == {}


def test_a_link_that_lies_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    (inside / "a.txt").symlink_to(outside)

    with pytest.raises(errors.UnsafeEntry):
        unpack(make(Raw(b"a.txt")), inside)

    assert not outside.exists()


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.UnsafeEntry):
        unpack(make(Raw(b"link", b"/etc/passwd", attributes=(stat.S_IFLNK | 0o777) << 16)), tmp_path)


@pytest.mark.parametrize("names", [[b"a", b"a"], [b"a", b"a/b"], [b"a/b", b"a"], [b"a", b"./a"]])
def test_entries_that_take_each_others_place_are_refused(tmp_path: Path, names: list[bytes]) -> None:
    with pytest.raises(errors.UnsafeEntry):
        unpack(make(*map(Raw, names)), tmp_path)


def test_damage_and_bombs_are_told_while_unpacking_too(tmp_path: Path) -> None:
    wrong = {"crc": 1}

    with pytest.raises(errors.DamagedArchive):
        unpack(make(Raw(local=wrong, central=wrong)), tmp_path / "a")
    with pytest.raises(errors.ArchiveBomb):
        unpack(usual({"a": bytes(2000)}), tmp_path / "b", limits=Limits(unpacked_bytes=1000))
    assert not (tmp_path / "b").exists()
    with pytest.raises(errors.EncryptedArchive):
        unpack(make(Raw(flags=1)), tmp_path / "c")


def test_a_folder_comes_back_from_its_archive(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "empty").mkdir(parents=True)
    (source / "sub").mkdir()
    (source / "sub" / "ñandú.bin").write_bytes(os.urandom(300_000))
    (source / "a.txt").write_text("hello")

    unpack(packed(source), tmp_path / "target")

    assert tree(tmp_path / "target") == tree(source)


def test_an_archive_of_ours_passes_our_own_checks(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("pass")

    assert inspect(packed(tmp_path)).names == ("a/b.py",)


def test_links_pipes_and_what_they_lead_to_are_not_packed(tmp_path: Path) -> None:
    source, secret = tmp_path / "source", tmp_path / "secret"
    source.mkdir()
    secret.mkdir()
    (secret / "key").write_text("of the server")
    (source / "file").symlink_to(secret / "key")
    (source / "folder").symlink_to(secret)
    os.mkfifo(source / "pipe")
    (source / "plain.txt").write_text("mine")

    assert zipfile.ZipFile(packed(source)).namelist() == ["plain.txt"]


def test_names_that_no_archive_can_carry_are_packed_as_others(tmp_path: Path) -> None:
    for name in (b"latin-\xf1", b"new\nline", b"back\\slash"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"")

    assert set(inspect(packed(tmp_path)).names) == {"latin-_xf1", "new_line", "back_slash"}


def test_files_older_than_zip_are_packed(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("x")
    os.utime(tmp_path / "old.txt", (0, 0))

    assert inspect(packed(tmp_path)).names == ("old.txt",)


@pytest.mark.parametrize("limits", [Limits(entries=2), Limits(unpacked_bytes=250), Limits(levels=2)])
def test_a_folder_that_has_grown_beyond_the_limits_is_refused(tmp_path: Path, limits: Limits) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "c.txt").write_bytes(bytes(300))

    with pytest.raises(errors.ArchiveBomb):
        pack(tmp_path, io.BytesIO(), limits=limits)
