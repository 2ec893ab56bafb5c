from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from dataclasses import replace

import pytest

from core import errors
from core.archive import DEFAULTS, Limits, inspect
from tests.hostile_zips import Raw, central_part, deflate, end64_part, end_part, local_part, make, usual

SMALL = Limits(entries=20, unpacked_bytes=100_000, ratio_free_bytes=50_000, ratio=50, nested_entries=40)


def zeros(count: int) -> io.BytesIO:
    return usual({"zeros": bytes(count)})


def nested(depth: int) -> bytes:
    content = b"end"
    for _ in range(depth):
        content = usual({"inner.zip": content}).getvalue()
    return content


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


@pytest.mark.parametrize(
    "name", ["a b (1).txt", "tarea número 1/ñandú.py", "./a.txt", "a//b.txt", "a..b/c..", "日本"]
)
def test_a_name_that_is_only_unusual_is_accepted(name: str) -> None:
    assert inspect(make(Raw(name.encode(), flags=0x800))).names == (name,)


def test_a_name_without_characters_is_refused() -> None:
    with pytest.raises(errors.UnsafeEntry):
        inspect(make(Raw(b"")))


def test_names_of_macos_are_utf8_without_saying_so_and_others_are_code_page_437() -> None:
    assert inspect(make(Raw("año.txt".encode()))).names == ("año.txt",)
    assert inspect(make(Raw("año.txt".encode("cp437")))).names == ("año.txt",)


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
    with pytest.raises(errors.UnsafeEntry):
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


def test_names_with_results_in_a_mac_folder_are_ignored_as_all_of_it() -> None:
    assert inspect(usual({"__MACOSX/results/._x": "", "a.py": ""})).names == ("a.py",)


def test_a_wrong_crc_is_damage() -> None:
    for method in (0, 8):
        wrong = {"crc": 12345}
        with pytest.raises(errors.DamagedArchive):
            inspect(make(Raw(method=method, local=wrong, central=wrong)))


@pytest.mark.parametrize("size", [4, 6])
@pytest.mark.parametrize("method", [0, 8])
def test_more_or_fewer_bytes_than_declared_are_damage(size: int, method: int) -> None:
    wrong = {"size": size}

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(method=method, local=wrong, central=wrong)))


def test_an_archive_cut_anywhere_is_damaged() -> None:
    whole = usual({"a.txt": "hello" * 10, "b/c.txt": "x"}).getvalue()

    for length in range(4, len(whole)):
        with pytest.raises(errors.DamagedArchive):
            inspect(io.BytesIO(whole[:length]))


def test_packed_data_that_goes_on_after_its_end_is_damage() -> None:
    packed = deflate(b"hello") + b"hidden"
    lie = {"method": 8, "crc": zlib.crc32(b"hello"), "size": 5}

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(method=0, data=packed, local=lie, central=lie)))


def test_packed_data_that_does_not_end_is_damage() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"hello") + packer.flush(zlib.Z_SYNC_FLUSH)
    lie = {"method": 8, "crc": zlib.crc32(b"hello"), "size": 5}

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(method=0, data=packed, local=lie, central=lie)))


@pytest.mark.parametrize(
    "lie",
    [
        {"name": b"b.txt"},
        {"method": 0},
        {"flags": 1},
        {"crc": 1},
        {"size": 4},
        {"packed": 6},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_a_local_header_that_disagrees_is_damage(lie: dict[str, int | bytes]) -> None:
    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(), Raw(b"c.txt", local=lie)))


def test_two_entries_that_share_their_bytes_are_damage() -> None:
    shared = Raw(b"a", bytes(1000))
    body = local_part(shared)
    directory = central_part(shared, 0) + central_part(shared, 0)

    with pytest.raises(errors.DamagedArchive):
        inspect(io.BytesIO(body + directory + end_part(2, len(directory), len(body))))


def test_an_entry_that_quotes_the_next_one_is_damage() -> None:
    """David Fifield's overlapping bomb: the local header of the kernel is data of the entry before."""
    kernel = Raw(b"kernel", bytes(1000))
    inner = local_part(kernel)
    quoting = Raw(b"quoting", inner, method=0)
    body = local_part(quoting)
    directory = central_part(quoting, 0) + central_part(kernel, len(body) - len(inner))

    with pytest.raises(errors.DamagedArchive):
        inspect(io.BytesIO(body + directory + end_part(2, len(directory), len(body))))


def test_an_entry_hidden_from_the_directory_is_damage() -> None:
    hidden = local_part(Raw(b"results/passed.log"))

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(after=hidden), Raw(b"b.txt")))
    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(), Raw(b"b.txt", after=hidden)))


def test_an_entry_that_starts_elsewhere_is_damage() -> None:
    for offset in (1, 2**31, 0xFFFFFFFF):
        with pytest.raises(errors.DamagedArchive):
            inspect(make(Raw(central={"offset": offset})))


@pytest.mark.parametrize("signature", [b"", b"PK\x07\x08"])
@pytest.mark.parametrize("layout", ["<III", "<IQQ"])
def test_archives_written_as_a_stream_are_accepted(signature: bytes, layout: str) -> None:
    late = {"crc": 0, "packed": 0, "size": 0}
    values = struct.pack(layout, zlib.crc32(b"hello"), len(deflate(b"hello")), 5)
    entry = Raw(flags=8, local=late, after=signature + values)

    assert inspect(make(entry, Raw(b"b.txt"))).names == ("a.txt", "b.txt")


def test_a_descriptor_that_disagrees_is_damage() -> None:
    late = {"crc": 0, "packed": 0, "size": 0}
    values = struct.pack("<4sIII", b"PK\x07\x08", 1, len(deflate(b"hello")), 5)

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(flags=8, local=late, after=values)))


def test_values_may_only_come_late_where_the_header_says_so() -> None:
    late = {"crc": 0, "packed": 0, "size": 0}
    values = struct.pack("<4sIII", b"PK\x07\x08", zlib.crc32(b"hello"), len(deflate(b"hello")), 5)

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(local=late)))
    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(local=late, after=values)))
    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(after=values)))


def test_a_comment_is_accepted_but_not_what_follows_it() -> None:
    assert inspect(make(Raw(), comment=b"made by hand")).entries == 1

    with pytest.raises(errors.DamagedArchive):
        inspect(io.BytesIO(make(Raw(), comment=b"x").getvalue() + b"more"))


def test_a_comment_that_poses_as_another_end_is_damage() -> None:
    other = end_part(0, 0, 0)

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(), comment=other[:-2] + b"\xff\xff"))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_directory_with_another_number_of_entries_is_damage(count: int) -> None:
    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(), Raw(b"b.txt"), count=count))


def test_bytes_that_belong_to_nothing_are_damage() -> None:
    entry = Raw()
    body, directory = local_part(entry), central_part(entry, 0)
    end = end_part(1, len(directory), len(body))
    shifted, marker = central_part(entry, 8), b"PK\x03\x04...."

    for data in (
        body + directory + b"...." + end,
        body + b"...." + directory + end_part(1, len(directory), len(body) + 4),
        marker + body + shifted + end_part(1, len(shifted), 8 + len(body)),
    ):
        with pytest.raises(errors.DamagedArchive):
            inspect(io.BytesIO(data))


@pytest.mark.parametrize("place", [4, 6, 8])
def test_an_archive_of_several_disks_is_damaged(place: int) -> None:
    data = bytearray(make(Raw()).getvalue())
    data[len(data) - 22 + place] ^= 3

    with pytest.raises(errors.DamagedArchive):
        inspect(io.BytesIO(data))


def zip64(*, count: int = 1, size_by: int = 0, end: bytes | None = None) -> io.BytesIO:
    entry = Raw()
    body, directory = local_part(entry), central_part(entry, 0)
    start, size = len(body), len(directory) + size_by
    last = end_part(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if end is None else end
    return io.BytesIO(body + directory + end64_part(count, size, start) + last)


def test_zip64_archives_are_accepted() -> None:
    assert inspect(zip64()).entries == 1

    wide = io.BytesIO()
    with zipfile.ZipFile(wide, "w") as archive, archive.open("a.txt", "w", force_zip64=True) as member:
        member.write(b"hello")
    assert inspect(wide).unpacked_bytes == 5


@pytest.mark.parametrize(
    "file",
    [
        zip64(count=2),
        zip64(size_by=1),
        zip64(size_by=2**63),
        zip64(end=end_part(2, 0xFFFFFFFF, 0xFFFFFFFF)),
        zip64(end=end_part(0xFFFF, 1, 0xFFFFFFFF)),
        zip64(end=end_part(0xFFFF, 0xFFFFFFFF, 1)),
    ],
    ids=["count", "size", "huge size", "other count", "other size", "other start"],
)
def test_zip64_values_that_lie_are_damage(file: io.BytesIO) -> None:
    with pytest.raises(errors.DamagedArchive):
        inspect(file)


@pytest.mark.parametrize(("part", "lie"), [(b"PK\x06\x06", b"PK\x06\x00"), (b"PK\x06\x06,", b"PK\x06\x06-")])
def test_a_zip64_record_that_is_none_is_damage(part: bytes, lie: bytes) -> None:
    data = zip64().getvalue()
    assert part in data

    with pytest.raises(errors.DamagedArchive):
        inspect(io.BytesIO(data.replace(part, lie)))


def test_zip64_sizes_that_lie_are_no_way_around_the_limits() -> None:
    extra = struct.pack("<HHQQ", 1, 16, 2**60, 5)

    with pytest.raises(errors.ArchiveBomb):
        inspect(make(Raw(method=0, local={"extra": extra, "size": 0xFFFFFFFF, "packed": 0xFFFFFFFF},
                         central={"extra": extra, "size": 0xFFFFFFFF, "packed": 0xFFFFFFFF})))  # fmt: skip


def test_a_folder_with_content_is_damage() -> None:
    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(b"folder/", b"content")))


def test_more_bytes_than_the_limit_are_refused_by_their_declaration() -> None:
    huge = {"size": 2_000_000_000}

    with pytest.raises(errors.ArchiveBomb) as caught:
        inspect(make(Raw(local=huge, central=huge)))

    assert caught.value.values == {"limit_mb": 1000, "limit_files": 20_000}


def test_a_declaration_beyond_the_limit_is_enough() -> None:
    lie = {"size": 100_001}

    with pytest.raises(errors.ArchiveBomb):
        inspect(make(Raw(local=lie, central=lie), Raw(b"b.txt")), limits=replace(SMALL, ratio=10**9))


def test_an_entry_is_not_unpacked_beyond_its_declaration() -> None:
    lie = {"size": 5}

    with pytest.raises(errors.DamagedArchive):
        inspect(make(Raw(data=bytes(10 * SMALL.unpacked_bytes), local=lie, central=lie)), limits=SMALL)


def test_the_bytes_of_all_entries_count_together() -> None:
    with pytest.raises(errors.ArchiveBomb):
        inspect(usual({str(number): bytes(range(256)) * 40 for number in range(10)}), limits=SMALL)


def test_a_high_ratio_is_fine_for_little_and_refused_for_much() -> None:
    assert inspect(zeros(49_000), limits=SMALL).entries == 1

    with pytest.raises(errors.ArchiveBomb):
        inspect(zeros(51_000), limits=SMALL)


def test_more_entries_than_the_limit_are_refused() -> None:
    assert inspect(usual({f"{number}": "" for number in range(20)}), limits=SMALL).entries == 20

    with pytest.raises(errors.ArchiveBomb):
        inspect(usual({f"{number}": "" for number in range(21)}), limits=SMALL)


def test_a_directory_larger_than_the_limit_is_refused_unread() -> None:
    with pytest.raises(errors.ArchiveBomb):
        inspect(usual({"x" * 200: ""}), limits=Limits(directory_bytes=200))


def test_archives_within_archives_are_fine_until_they_have_no_end() -> None:
    assert inspect(io.BytesIO(nested(DEFAULTS.nesting + 1))).entries == 1

    with pytest.raises(errors.ArchiveBomb):
        inspect(io.BytesIO(nested(DEFAULTS.nesting + 2)))


def test_the_bytes_of_archives_within_count_too() -> None:
    inner = usual({"noise": bytes(range(256)) * 90, "zeros": bytes(20_000)}).getvalue()

    assert inspect(usual({"1.zip": inner}), limits=SMALL).entries == 1
    with pytest.raises(errors.ArchiveBomb):
        inspect(usual({f"{number}.zip": inner for number in range(3)}), limits=SMALL)


def test_the_entries_of_archives_within_count_too() -> None:
    inner = usual({f"{number}": "" for number in range(15)}).getvalue()

    with pytest.raises(errors.ArchiveBomb):
        inspect(usual({f"{number}.zip": inner for number in range(3)}), limits=SMALL)


def test_a_locked_entry_does_not_hide_what_comes_after_it() -> None:
    inner = make(Raw(b"locked", method=99), Raw(b"endless.zip", nested(DEFAULTS.nesting + 1), method=0))

    with pytest.raises(errors.ArchiveBomb):
        inspect(usual({"inner.zip": inner.getvalue()}))


def test_a_bomb_within_is_refused_by_its_ratio() -> None:
    with pytest.raises(errors.ArchiveBomb):
        inspect(usual({"bomb.jar": zeros(60_000).getvalue()}), limits=SMALL)


@pytest.mark.parametrize(
    "inner", [b"PK\x03\x04 broken", make(Raw(flags=1)).getvalue(), make(Raw(b"../x")).getvalue()]
)
def test_an_archive_within_may_be_of_any_other_kind_for_nobody_unpacks_it(inner: bytes) -> None:
    assert inspect(usual({"fixture.zip": inner})).entries == 1


def test_memory_stays_flat_however_much_an_entry_holds() -> None:
    file = usual({"zeros": bytes(40_000_000), "stored in an archive": nested(2)})
    tracemalloc.start()
    try:
        inspect(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4_000_000


def test_the_name_in_a_sentence_is_short_and_harmless() -> None:
    with pytest.raises(errors.UnsafeEntry) as caught:
        inspect(make(Raw(b"../\x1b[31m" + b"x" * 300)))

    assert caught.value.values["entry"] == "../\ufffd[31m" + "x" * 71 + "…"
