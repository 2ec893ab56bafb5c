"""Files, ETags and the error document over HTTP, with a real file server behind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from api import errors, files, problems
from api.etag import EtagRoute
from core.context import Context
from core.services.downloads import Download
from web.problems import MEDIA_TYPE

CONTENT = bytes(range(256)) * 5000


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    path = ctx.storage.path("originals", "a.zip")
    ctx.storage.upload(path, io.BytesIO(CONTENT))
    file = Download('Tarea "ñ".zip', len(CONTENT), partial(ctx.storage.stream, path), "abc")
    router = APIRouter(route_class=EtagRoute)

    @router.head("/file", include_in_schema=False)
    @router.get("/file", responses=files.BINARY, response_class=StreamingResponse)
    def get_file(request: Request) -> Response:
        return files.send(request, file)

    @router.get("/unknown-size", responses=files.BINARY, response_class=StreamingResponse)
    def get_other(request: Request) -> Response:
        return files.send(request, replace(file, size=None, fingerprint=""))

    @router.get("/longer", responses=files.BINARY, response_class=StreamingResponse)
    def get_longer(request: Request) -> Response:
        return files.send(request, replace(file, size=len(CONTENT) + 1))

    @router.get("/gone", responses=files.BINARY, response_class=StreamingResponse)
    def get_gone(request: Request) -> Response:
        return files.send(request, replace(file, open_at=partial(ctx.storage.stream, f"{path}x")))

    @router.get("/counter/{number}", responses=problems.responses(304, 404))
    def get_counter(number: int) -> dict[str, int]:
        return {"number": number}

    app = FastAPI()
    errors.install(app)
    app.include_router(router)
    problems.describe(app)
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def test_a_file_comes_whole_under_its_own_name(client: TestClient) -> None:
    answer = client.get("/file")

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert "filename*=UTF-8''Tarea%20%22%C3%B1%22.zip" in answer.headers["content-disposition"]
    assert 'filename="Tarea ___.zip"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=5-300004", CONTENT[5:300_005], "bytes 5-300004/1280000"),
        ("bytes=-7", CONTENT[-7:], "bytes 1279993-1279999/1280000"),
        ("bytes=1279999-", CONTENT[-1:], "bytes 1279999-1279999/1280000"),
    ],
)
def test_a_range_is_that_part(client: TestClient, asked: str, part: bytes, content_range: str) -> None:
    answer = client.get("/file", headers={"Range": asked})

    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(part))


def test_a_range_behind_the_end_is_refused_with_the_size(client: TestClient) -> None:
    answer = client.get("/file", headers={"Range": "bytes=1280000-", "Accept-Language": "en"})

    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */1280000")
    assert "1280000 bytes" in answer.json()["detail"]


def test_a_range_of_what_has_changed_is_answered_with_the_whole(client: TestClient) -> None:
    etag = client.get("/file").headers["etag"]

    same = client.get("/file", headers={"Range": "bytes=0-9", "If-Range": etag})
    other = client.get("/file", headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    weak = client.get("/file", headers={"Range": "bytes=0-9", "If-Range": f"W/{etag}"})

    assert [answer.status_code for answer in (same, other, weak)] == [206, 200, 200]


def test_head_says_what_get_would_send(client: TestClient) -> None:
    whole, part = client.head("/file"), client.head("/file", headers={"Range": "bytes=0-9"})

    assert (whole.status_code, whole.headers["content-length"], whole.content) == (200, "1280000", b"")
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


def test_a_file_that_the_reader_has_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/file").headers["etag"]

    answer = client.get("/file", headers={"If-None-Match": f'"other", {etag}', "Range": "bytes=0-9"})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


def test_a_file_of_unknown_size_comes_whole_whatever_is_asked(client: TestClient) -> None:
    answer = client.get("/unknown-size", headers={"Range": "bytes=0-9"})

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "accept-ranges" not in answer.headers


def test_a_file_that_is_gone_is_404_and_not_half_an_answer(client: TestClient) -> None:
    assert client.get("/gone").status_code == 404


def test_a_file_that_ends_early_is_no_whole_answer(client: TestClient) -> None:
    with pytest.raises(RuntimeError, match="response already started"):
        TestClient(client.app).get("/longer")


def test_an_answer_that_the_caller_has_is_304_and_a_changed_one_is_sent(client: TestClient) -> None:
    first = client.get("/counter/1")
    etag = first.headers["etag"]

    same = client.get("/counter/1", headers={"If-None-Match": f"W/{etag}"})
    changed = client.get("/counter/2", headers={"If-None-Match": etag})
    refused = client.get("/counter/x", headers={"If-None-Match": "*"})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert (changed.status_code, changed.json()) == (200, {"number": 2})
    assert changed.headers["etag"] != etag
    assert refused.status_code == 422


def test_the_document_names_the_errors_as_they_are_answered(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    operation = document["paths"]["/counter/{number}"]["get"]["responses"]
    assert {"200", "304", "404", "422", "500", "503"} == set(operation)
    assert list(operation["422"]["content"]) == list(operation["404"]["content"]) == [MEDIA_TYPE]
    assert {"Problem", "FieldProblem"} <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in document["components"]["schemas"]
