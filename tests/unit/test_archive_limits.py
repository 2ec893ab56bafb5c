"""However much an archive says or hides, it costs a bounded amount."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace

import pytest

from core import errors
from core.archive import DEFAULTS, Limits, inspect
from tests.hostile_zips import Raw, make, usual

SMALL = Limits(entries=20, unpacked_bytes=100_000, ratio_free_bytes=50_000, ratio=50, nested_entries=40)


def zeros(count: int) -> io.BytesIO:
    return usual({"zeros": bytes(count)})


def nested(depth: int) -> bytes:
    content = b"end"
    for _ in range(depth):
        content = usual({"inner.zip": content}).getvalue()
    return content


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
