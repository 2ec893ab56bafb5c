from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.errors import BadName
from core.storage.address import FtpAddress
from core.storage.listing import parse_list, parse_mlsx

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_url_is_taken_apart_with_its_secrets_decoded() -> None:
    address = FtpAddress.from_url("ftp://us%40er:p%2Fw%3A%C3%9F@ftp.example.org:2121/srv/ulos/?tls=require")

    assert (address.host, address.port) == ("ftp.example.org", 2121)
    assert (address.user, address.password) == ("us@er", "p/w:ß")
    assert (address.base, address.tls) == ("/srv/ulos", "require")


def test_what_is_left_out_of_a_url_is_usual() -> None:
    address = FtpAddress.from_url("ftp://u:p@host")

    assert (address.port, address.base, address.tls) == (21, "", "auto")
    assert address.path("a.zip") == "/a.zip"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://u:topsecret@host/base",
        "ftp:///base",
        "ftp://u:topsecret@host/a b",
        "ftp://u:topsecret@host/a/../b",
        "ftp://u:topsecret@host:port/base",
        "ftp://u:topsecret@host/base?tls=maybe",
    ],
)
def test_a_url_of_something_else_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any sentence but the secret
        FtpAddress.from_url(url)

    assert "topsecret" not in str(caught.value)


def test_paths_start_with_the_base_verbatim() -> None:
    address = FtpAddress.from_url("ftp://u:p@host/srv/ulos")

    assert address.path("originals/2026", "17.zip") == "/srv/ulos/originals/2026/17.zip"


@pytest.mark.parametrize("part", ["", "/absolute", "..", "a/../b", "tarea 1.zip", "ñ.zip", "a\nb", "a;b"])
def test_a_part_that_cannot_travel_is_refused(part: str) -> None:
    with pytest.raises(BadName):
        FtpAddress.from_url("ftp://u:p@host/srv").path("a", part)


@pytest.mark.parametrize(
    ("line", "modified"),
    [
        ("-rw-r--r--    1 14       50        1048576 Feb 03 09:15 task.zip", "2026-02-03T09:15"),
        ("-rw------- 1 ftp ftp 1048576 Dec 31 23:59 task.zip", "2025-12-31T23:59"),
        ("-rw-r--r--. 1 0 0 1048576 Jun  1  2024 task.zip", "2024-06-01T00:00"),
    ],
)
def test_a_line_of_list_is_understood_with_the_year_that_it_leaves_out(line: str, modified: str) -> None:
    item = parse_list(line, NOW)

    assert item is not None
    assert (item.name, item.size, item.is_folder) == ("task.zip", 1048576, False)
    assert item.modified == datetime.fromisoformat(f"{modified}+00:00")


@pytest.mark.parametrize(
    "line", ["total 12", "lrwxrwxrwx 1 0 0 4 Jan 01 00:00 link -> task", "", "drwxr-xr-x"]
)
def test_a_line_of_list_that_is_no_file_is_left_out(line: str) -> None:
    assert parse_list(line, NOW) is None


def test_a_line_of_mlsd_is_understood() -> None:
    item = parse_mlsx("type=file;size=17;modify=20260228120102.5;UNIX.mode=0644; task.zip", NOW)

    assert item is not None
    assert (item.name, item.size, item.modified) == (
        "task.zip",
        17,
        datetime(2026, 2, 28, 12, 1, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize("line", ["type=cdir; .", "type=pdir; ..", "type=OS.unix=slink:/x; link"])
def test_a_line_of_mlsd_that_is_no_file_is_left_out(line: str) -> None:
    assert parse_mlsx(line, NOW) is None
