"""Archives whose parts disagree: what one reader sees and another does not is refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from core import errors
from core.archive import inspect
from tests.hostile_zips import Raw, central_part, deflate, end64_part, end_part, local_part, make, usual


def zeros(count: int) -> io.BytesIO:
    return usual({"zeros": bytes(count)})


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
