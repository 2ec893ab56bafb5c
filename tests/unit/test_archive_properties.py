from __future__ import annotations

import contextlib
import io
import struct
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core import errors
from core.archive import Limits, inspect, list_members, normal_name, read_member, unpack
from tests.hostile_zips import Raw, end64_part, make, usual

LIMITS = Limits(entries=50, unpacked_bytes=1_000_000, nested_entries=100)

INNER = usual({"x": "y"}).getvalue()
SEEDS = [
    usual({"a.txt": "hello", "dir/": "", "dir/b.bin": bytes(5000), "inner.zip": INNER}).getvalue(),
    make(Raw(method=0), Raw(b"b", flags=8, after=b""), comment=b"comment").getvalue(),
    usual({}).getvalue(),
    b"PK\x03\x04" + bytes(60) + end64_part(1, 60, 4) + usual({}).getvalue(),
]
INTERESTING = st.sampled_from(
    [struct.pack(layout, value) for layout in ("<H", "<I", "<Q") for value in (0, 1, 8, 0x2E, 0x7FFF)]
    + [b"\xff" * 2, b"\xff" * 4, b"\xff" * 8, b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"../", b"\0"]
)


@st.composite
def mutated_archives(draw: st.DrawFn) -> bytes:
    """An archive with a few places overwritten, removed or doubled."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        action = draw(st.sampled_from(["overwrite", "insert", "remove", "cut"]))
        what = draw(INTERESTING | st.binary(min_size=1, max_size=8))
        if action == "overwrite":
            data[place : place + len(what)] = what
        elif action == "insert":
            data[place:place] = what
        elif action == "remove":
            del data[place : place + draw(st.integers(1, 40))]
        else:
            del data[place:]
    return bytes(data)


def use_everything(data: bytes) -> None:
    """Whatever comes in, only errors of ours come out."""
    file = io.BytesIO(data)
    with contextlib.suppress(errors.BadArchive, errors.NotFound):
        for member in list_members(file, limits=LIMITS):
            read_member(file, member.name, max_bytes=100, limits=LIMITS)
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(errors.BadArchive):
            unpack(file, Path(folder) / "inside", limits=LIMITS)
        assert {path.name for path in Path(folder).iterdir()} <= {"inside"}
    inspect(file, limits=LIMITS)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"PK\x03\x04" + tail))
def test_any_bytes_give_an_answer_or_an_error_of_ours(data: bytes) -> None:
    with contextlib.suppress(errors.BadArchive):
        use_everything(data)


@settings(max_examples=600, deadline=None)
@given(mutated_archives())
def test_what_is_accepted_of_a_broken_archive_reads_the_same_elsewhere(data: bytes) -> None:
    try:
        use_everything(data)
    except errors.BadArchive:
        return

    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert other.testzip() is None
        theirs = [(info.filename, info.file_size) for info in other.infolist() if not info.is_dir()]
    ours = [(member.name, member.size) for member in list_members(io.BytesIO(data))]
    assert comparable(theirs) == comparable(ours)


def comparable(members: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Names in one form; without those that are no ASCII, whose code page readers guess differently."""
    return sorted((normal_name(name) if name.isascii() else "", size) for name, size in members)


NAMES = st.from_regex(r"[a-zñ0-9 .-]{1,6}(/[a-z0-9]{1,3}){0,2}", fullmatch=True)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=8))
def test_what_programs_make_is_accepted_unless_a_name_is_in_the_way(files: dict[str, bytes]) -> None:
    try:
        summary = inspect(usual(files))
    except errors.UnsafeEntry:
        return

    assert summary.unpacked_bytes == sum(map(len, files.values()))
