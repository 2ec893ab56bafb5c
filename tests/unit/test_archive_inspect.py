"""What archives may be called, and what may lie in them."""

from __future__ import annotations

import io
import stat
import struct
import zlib

import pytest

from core import errors
from core.archive import inspect, list_members
from tests.hostile_zips import Raw, make, usual


def zeros(count: int) -> io.BytesIO:
    return usual({"zeros": bytes(count)})


def test_a_usual_archive_is_summed_up() -> None:
    file = usual({"proj/": "", "proj/main.gcode": "G1 X1", "proj/lib/a.py": "pass", "proj/.DS_Store": "x"})

    summary = inspect(file)

    assert summary.names == ("proj/main.gcode", "proj/lib/a.py")
    assert (summary.entries, summary.unpacked_bytes, summary.top_folder) == (4, 10, "proj")


@pytest.mark.parametrize(
    ("files", "top_folder"),
    [
        (["a.py"], None),
        (["proj/a.py", "b.py"], None),
        (["proj/a.py", "other/b.py"], None),
        (["proj/a.py", "__MACOSX/proj/._a.py", ".DS_Store", "Thumbs.db"], "proj"),
        (["proj/a.py", "._proj", "THUMBS.DB", "Desktop.ini", ".git/config"], "proj"),
        (["proj/"], "proj"),
    ],
)
def test_the_one_folder_around_everything_is_found(files: list[str], top_folder: str | None) -> None:
    assert inspect(usual(dict.fromkeys(files, ""))).top_folder == top_folder


def test_an_archive_with_only_a_folder_is_accepted() -> None:
    summary = inspect(usual({"testing/": ""}))

    assert (summary.entries, summary.names) == (1, ())


@pytest.mark.parametrize("content", [b"", b"P", b"G1 X10 Y10", b"Rar!\x1a\x07\x00" * 9, b"\x1f\x8b\x08" * 40])
def test_what_is_no_zip_is_called_so_whatever_its_name(content: bytes) -> None:
    with pytest.raises(errors.NotAZip):
        inspect(io.BytesIO(content))


def test_something_else_with_a_zip_at_its_end_is_no_zip() -> None:
    with pytest.raises(errors.NotAZip):
        inspect(io.BytesIO(b"%PDF-1.7 " + usual({"a": "b"}).getvalue()))


def test_an_archive_without_any_entry_is_empty() -> None:
    with pytest.raises(errors.EmptyArchive):
        inspect(usual({}))


@pytest.mark.parametrize(
    "name",
    [
        "../a.txt", "a/../../b", "a/..", "/etc/passwd", "C:/a.txt", "c:a.txt", "a\\b.txt", "..\\a.txt",
        "a\0b", "a\nb", "a\x7fb", "a\x1b[31m", "a\u202etxt.exe", "a\u2028b", "a/.", ".",
        "x" * 256, "ñ" * 128, "/".join(["x" * 200] * 6), "x/" * 65 + "y",
    ],
)  # fmt: skip
def test_a_name_that_is_not_safe_everywhere_is_refused(name: str) -> None:
    with pytest.raises(errors.UnsafeEntry):
        inspect(make(Raw(name.encode(), flags=0x800)))


@pytest.mark.parametrize("name", ["a b (1).txt", "tarea número 1/ñandú.py", "a..b/c..", "日本"])
def test_a_name_that_is_only_unusual_is_accepted(name: str) -> None:
    assert inspect(make(Raw(name.encode(), flags=0x800))).names == (name,)


def test_a_name_without_characters_is_refused() -> None:
    with pytest.raises(errors.UnsafeEntry):
        inspect(make(Raw(b"")))


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("./a.txt", "a.txt"),
        ("a//b.txt", "a/b.txt"),
        ("a/././b/c.txt", "a/b/c.txt"),
        ("cafe\u0301/n\u0303.txt", "caf\u00e9/\u00f1.txt"),
    ],
)
def test_names_are_told_in_one_form(name: str, normal: str) -> None:
    file = make(Raw(name.encode(), flags=0x800))

    assert inspect(file).names == (normal,)
    assert [member.name for member in list_members(file)] == [normal]


@pytest.mark.parametrize("encoding", ["utf-8", "cp850", "cp1252"])
def test_names_without_the_utf8_flag_are_read_as_macos_and_windows_write_them(encoding: str) -> None:
    name = "ÁREA_DE_DISEÑO_Ó.txt"

    assert inspect(make(Raw(name.encode(encoding)))).names == (name,)


def unicode_path(name: str, raw: bytes) -> bytes:
    """The Unicode path field (4.6.9) for an entry called `raw`."""
    return struct.pack("<HHBI", 0x7075, 5 + len(name.encode()), 1, zlib.crc32(raw)) + name.encode()


def test_the_unicode_path_of_an_entry_is_its_name() -> None:
    file = make(Raw(b"?.txt", central={"extra": unicode_path("αβγ.txt", b"?.txt")}))

    assert inspect(file).names == ("αβγ.txt",)


def test_a_unicode_path_of_another_name_is_not_used() -> None:
    file = make(Raw(b"a.txt", central={"extra": unicode_path("b.txt", b"c.txt")}))

    assert inspect(file).names == ("a.txt",)


@pytest.mark.parametrize("crc_of", [b"a.txt", b"other"])
def test_a_second_name_that_only_some_readers_see_may_not_be_reserved(crc_of: bytes) -> None:
    file = make(Raw(b"a.txt", central={"extra": unicode_path("results/passed.log", crc_of)}))

    with pytest.raises(errors.ReservedEntry):
        inspect(file)


def test_a_name_that_other_readers_see_instead_may_not_be_reserved() -> None:
    raw = b"results/passed.log"

    with pytest.raises(errors.ReservedEntry):
        inspect(make(Raw(raw, central={"extra": unicode_path("a.txt", raw)})))


def test_a_backslash_is_explained_as_what_it_is() -> None:
    with pytest.raises(errors.BackslashInName, match="backslash"):
        inspect(make(Raw(b"proj\\main.py")))


def test_a_name_that_says_utf8_and_is_not_is_damaged() -> None:
    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(b"\xff.txt", flags=0x800)))


def test_a_second_name_that_only_some_readers_see_must_be_safe_too() -> None:
    alias = b"../../evil"
    extra = struct.pack("<HHBI", 0x7075, 5 + len(alias), 1, zlib.crc32(b"a.txt")) + alias

    with pytest.raises(errors.UnsafeEntry):
        inspect(make(Raw(b"a.txt", central={"extra": extra})))


@pytest.mark.parametrize(
    "names",
    [
        ["a.txt", "a.txt"],
        ["A.txt", "a.TXT"],
        ["Stra\u00dfe", "STRASSE"],
        ["n\u0303.txt", "\u00f1.txt"],
        ["a", "a/b.txt"],
        ["a", "a/"],
        ["dir/a.txt", "Dir/b.txt"],
        ["a.txt", "./a.txt"],
        ["./a/", "a"],
    ],
)
def test_names_that_meet_on_some_system_are_refused(names: list[str]) -> None:
    with pytest.raises(errors.EntriesClash):
        inspect(make(*(Raw(name.encode(), data=b"" if name.endswith("/") else b"x") for name in names)))


def test_names_that_only_resemble_each_other_are_accepted() -> None:
    names = ["a", "a.txt", "ab", "b/", "b/a", "b/a.txt", "b/c/a", "b-c", "b/", "ba/a"]

    assert inspect(make(*(Raw(name.encode(), data=b"") for name in names))).entries == len(names)


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFDIR, 0o170000]
)
def test_only_plain_files_and_folders_are_accepted(kind: int) -> None:
    with pytest.raises(errors.UnsafeEntry):
        inspect(make(Raw(attributes=(kind | 0o777) << 16)))


@pytest.mark.parametrize("flag", [1 << 0, 1 << 0 | 1 << 6, 1 << 13])
def test_a_password_is_told(flag: int) -> None:
    with pytest.raises(errors.EncryptedArchive):
        inspect(make(Raw(flags=flag)))


def test_aes_is_a_password_too() -> None:
    with pytest.raises(errors.EncryptedArchive):
        inspect(make(Raw(method=99)))


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 95])
def test_a_compression_that_nodes_cannot_read_is_told(method: int) -> None:
    with pytest.raises(errors.UnsupportedCompression):
        inspect(make(Raw(method=method)))


@pytest.mark.parametrize(
    "name",
    [
        "results/passed.log", "results/", "Results/passed.log", "RESULTS", "proj/results/passed.log",
        "proj/ReSuLtS/x", "output_a_b.txt", "OUTPUT_.TXT", "proj/output_processing-exchange_x.txt",
        "./results/a", "re\u017fults/passed.log",
    ],
)  # fmt: skip
def test_what_only_the_processing_may_write_is_refused(name: str) -> None:
    content = {name: "" if name.endswith("/") else "x"}

    with pytest.raises(errors.ReservedEntry):
        inspect(usual({"__MACOSX/._proj": "", **content}))


@pytest.mark.parametrize(
    "name",
    ["proj/src/results/a", "results.txt", "proj/my_output_a.txt", "proj/src/output_a.txt", "proj/output.txt"],
)
def test_names_that_only_resemble_reserved_ones_are_accepted(name: str) -> None:
    assert inspect(usual({name: "x"})).names == (name,)


def test_a_folder_of_results_under_one_of_several_folders_is_accepted() -> None:
    assert inspect(usual({"a/results/x": "", "b/y": ""})).entries == 2


@pytest.mark.parametrize("name", ["results/._a", "results/desktop.ini", "Results/.git/a"])
def test_a_leftover_in_the_folder_of_results_is_refused_too(name: str) -> None:
    with pytest.raises(errors.ReservedEntry):
        inspect(usual({name: "", "a.py": ""}))


def test_names_with_results_in_a_mac_folder_are_ignored_as_all_of_it() -> None:
    assert inspect(usual({"__MACOSX/results/._x": "", "a.py": ""})).names == ("a.py",)


@pytest.mark.parametrize("version", [64, 255])
def test_an_entry_for_readers_that_do_not_exist_is_told(version: int) -> None:
    with pytest.raises(errors.UnsupportedCompression):
        inspect(make(Raw(central={"needs": version})))

    inspect(make(Raw(central={"needs": 63})))
