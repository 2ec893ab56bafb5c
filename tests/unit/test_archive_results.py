from __future__ import annotations

import io

import pytest

from core import errors
from core.archive import MemberInfo, list_members, read_member, read_output
from tests.hostile_zips import Raw, make, usual


def read(content: bytes, max_bytes: int = 1000) -> tuple[str | None, bool]:
    member = read_member(usual({"output.txt": content}), "output.txt", max_bytes=max_bytes)
    assert member.size == len(content)
    assert member.is_text is (member.text is not None)
    return member.text, member.truncated


def test_members_are_the_files_of_the_archive_with_their_sizes() -> None:
    file = usual({"a/": "", "a/b.txt": "hello", "results/passed.log": "", "__MACOSX/._b": "x"})

    assert list_members(file) == (MemberInfo("a/b.txt", 5), MemberInfo("results/passed.log", 0))


def test_a_text_is_read_whole_up_to_the_limit() -> None:
    assert read(b"hello", 5) == ("hello", False)
    assert read(b"hello", 4) == ("hell", True)
    assert read(b"", 4) == ("", False)


def test_text_is_utf8_else_latin_1() -> None:
    assert read("año ✓".encode()) == ("año ✓", False)
    assert read("año".encode("latin-1")) == ("año", False)
    assert read(b"\xef\xbb\xbfhello") == ("hello", False)


def test_a_character_that_the_limit_cuts_is_left_out() -> None:
    assert read("añ".encode(), 2) == ("a", True)


def test_text_with_the_colours_of_a_terminal_is_text() -> None:
    assert read(b"\x1b[32mpassed\x1b[0m\r\n") == ("\x1b[32mpassed\x1b[0m\r\n", False)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0", bytes(range(1, 32)) * 5, b"text and then \0"])
def test_what_is_no_text_is_not_shown_as_text(content: bytes) -> None:
    assert read(content) == (None, False)


def test_only_the_start_of_a_large_member_is_held() -> None:
    text, truncated = read(b"line\n" * 1_000_000, 100)

    assert (text, truncated) == ("line\n" * 20, True)


def output(content: bytes, max_bytes: int = 1000) -> tuple[str | None, bool]:
    member = read_output(usual({"output.txt": content}), "output.txt", max_bytes=max_bytes)
    assert member.size == len(content)
    return member.text, member.truncated


def test_a_long_output_keeps_its_beginning_and_its_end() -> None:
    text, truncated = output(b"begin\n" + b"middle\n" * 500_000 + b"verdict\n", 60)

    assert truncated
    assert text == "begin\nmiddle\nmiddle\nmiddle\n[…]\nmiddle\nmiddle\nmiddle\nverdict\n"


def test_an_output_up_to_the_limit_is_whole() -> None:
    assert output(b"hello\nworld", 11) == ("hello\nworld", False)
    assert output(b"", 10) == ("", False)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"text and then \0", "text and then \ufffd"),
        ("año ✓ año".encode() + b"\xff", "año ✓ año\ufffd"),
        ("año".encode("latin-1"), "año"),
    ],
)
def test_an_output_is_always_shown(content: bytes, shown: str) -> None:
    assert output(content) == (shown, False)


def test_a_member_that_is_not_there_is_not_found() -> None:
    file = usual({"a/": "", "a/b.txt": "x"})

    for name in ("b.txt", "a/", "../a/b.txt"):
        with pytest.raises(errors.NotFound):
            read_member(file, name, max_bytes=10)


def test_what_cannot_be_read_says_why() -> None:
    wrong = {"crc": 1}
    with pytest.raises(errors.DamagedArchive):
        read_member(make(Raw(local=wrong, central=wrong)), "a.txt", max_bytes=10)
    with pytest.raises(errors.EncryptedArchive):
        read_member(make(Raw(flags=1)), "a.txt", max_bytes=10)
    with pytest.raises(errors.UnsupportedCompression):
        read_member(make(Raw(method=12)), "a.txt", max_bytes=10)
    with pytest.raises(errors.NotAZip):
        list_members(io.BytesIO(b"half written"))
