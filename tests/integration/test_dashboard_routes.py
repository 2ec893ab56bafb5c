"""The dashboard's own routes: the numbers that they answer with are those of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from api.app import create_app
from core.context import Actor, Context
from core.embedded.postgres import EmbeddedPostgres
from core.services import accounts
from core.storage import FtpAddress, Storage
from dashboard import answers, asgi, exports, process, uploads
from tests import builders
from tests.builders import World
from tests.http_worlds import signed_in
from tests.outages import shut
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
SITE = MappingProxyType({"origin": "http://testserver"})


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


@pytest.fixture
def without_files(ctx: Context) -> Context:
    address = FtpAddress.from_url(f"ftp://user:password@127.0.0.1:{free_port()}/files")
    return replace(ctx, storage=Storage(address))


@pytest.fixture
def client(without_files: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The dashboard's routes, where the file server is away."""
    monkeypatch.setattr(process, "context", lambda: without_files)
    monkeypatch.setattr(process, "settings", lambda: without_files.settings)
    routes = [
        Route("/files/{kind}/{number:int}/{part:int}", asgi.download),
        Route("/session/start", asgi.start_session, methods=["POST"]),
        Route("/session/end", asgi.end_session, methods=["POST"]),
        exports.ROUTE,
        *uploads.routes(lambda: without_files),
    ]
    with TestClient(Starlette(routes=routes, exception_handlers=answers.HANDLERS)) as made:
        yield made


def cookie(ctx: Context, actor: Actor) -> dict[str, str]:
    ticket = accounts.open_ticket(ctx, actor.user_id or 0, nonce="n" * 20)
    token = accounts.redeem_ticket(ctx, ticket=ticket, nonce="n" * 20, user_agent="test")
    return {"cookie": f"{process.SESSION_COOKIE}={token}"}


def test_both_servers_say_the_same_of_a_file_server_that_is_away(
    ctx: Context, without_files: Context, client: TestClient, world: World
) -> None:
    task = builders.submit(ctx, world).task_id

    from_dashboard = client.get(f"/files/original/{task}/0", headers=cookie(ctx, world.student))
    with TestClient(create_app(ctx.settings, without_files)) as api:
        from_api = api.get(f"/tasks/{task}/submission", headers=signed_in(ctx, world.student))

    assert (from_dashboard.status_code, from_api.status_code) == (503, 503)
    assert from_dashboard.headers["retry-after"] == from_api.headers["retry-after"] == "5"
    assert "El servidor de archivos no responde" in from_dashboard.text


@pytest.mark.parametrize(
    ("path", "who", "status"),
    [
        ("/files/original/999/0", "student", 404),
        ("/files/nothing/1/1", "student", 404),
        ("/files/original/1/0", "nobody", 401),
        ("/exports/originals.zip?assignment=1", "student", 403),
    ],
)
def test_refusals_of_downloads_have_their_own_numbers(  # noqa: PLR0917  fixtures
    ctx: Context, client: TestClient, world: World, path: str, who: str, status: int
) -> None:
    headers = {} if who == "nobody" else cookie(ctx, world.student)

    answer = client.get(path.replace("assignment=1", f"assignment={world.assignment_id}"), headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/files/original/1/0"), ("POST", "/session/start"), ("POST", "/session/end")],
)
def test_a_database_that_is_away_is_told_as_such(  # noqa: PLR0917  fixtures
    ctx: Context, client: TestClient, world: World, postgres: EmbeddedPostgres, method: str, path: str
) -> None:
    headers = cookie(ctx, world.student) | SITE
    form = {"ticket": "x"} if method == "POST" else None

    with shut(ctx, postgres):
        answer = client.request(method, path, headers=headers, data=form)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "La base de datos no responde" in answer.text


def test_a_page_of_another_address_is_told_which_setting_is_missing(client: TestClient) -> None:
    answer = client.post("/session/start", headers={"origin": "https://ulos.example"})

    assert answer.status_code == 403
    assert "ULOS_PUBLIC_URL=https://ulos.example" in answer.text


def test_an_unexpected_error_has_an_incident_number_that_the_log_knows(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accounts, "find_session", lambda *_: 1 / 0)
    careless = TestClient(client.app, raise_server_exceptions=False)

    answer = careless.get("/files/original/1/0")

    incident = answer.json()["detail"].rsplit(" ", 1)[1]
    assert answer.status_code == 500
    assert f"incident {incident} at /files/original/1/0" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_one_module_alone_knows_the_statuses_of_errors() -> None:
    number = re.compile(
        r"\b(NotSignedIn|NotAllowed|NotFound|TooLarge|Conflict|Invalid|Unavailable)\b.*\b[45]\d\d\b"
    )
    sources = [path for folder in ("api", "dashboard", "web") for path in (ROOT / folder).rglob("*.py")]

    found = {path.relative_to(ROOT).as_posix() for path in sources if number.search(path.read_text())}

    assert found == {"web/statuses.py"}
