"""The dashboard behind nginx and Caddy, with the examples of the docs, in a browser that signs in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from core.config import Settings
from core.context import PLATFORM, Context
from core.services import accounts
from core.services.accounts.hashing import hash_password
from tests import proxies
from tests.e2e.browsing import Visitor, settled, watch
from tests.http_servers import DASHBOARD, serving
from tests.packages import NotHere
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

EMAIL, PASSWORD = "proxied@uniandes.edu.co", "una clave muy larga 73"
DEFAULT_HOST = {"        proxy_set_header Host $http_host;\n": ""}


@contextmanager
def behind(folder: Path, settings: Settings, proxy: str, *, public: bool, **changes: str) -> Iterator[str]:
    """A dashboard behind `proxy`, told its public address or not; the address that a browser opens."""
    port = free_port()
    more = {"ULOS_PUBLIC_URL": f"https://localhost:{port}"} if public else {}
    with serving(DASHBOARD, settings, folder / "dashboard.log", ULOS_LANGUAGE="es", **more) as server:
        try:
            starting = (
                proxies.caddy(folder, port, server.port)
                if proxy == "caddy"
                else proxies.nginx(folder, port, server.port, more=changes)
            )
            with starting as address:
                yield address
        except NotHere as reason:
            pytest.skip(f"{proxy}: {reason}")


@pytest.fixture
def account(ctx: Context) -> None:
    accounts.ensure_person(
        ctx, PLATFORM, email=EMAIL, full_name="Ana", password_hash=hash_password(PASSWORD), is_admin=True
    )


def open_page(browser: Browser, address: str) -> Visitor:
    context = browser.new_context(locale="es-CO")
    visitor = watch(context.new_page())
    visitor.page.goto(address, wait_until="commit")  # a page that stops itself is never loaded
    return visitor


def sign_in(visitor: Visitor) -> None:
    page = visitor.page
    settled(page)
    page.get_by_label("Correo").fill(EMAIL)
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Iniciar sesión").click()
    expect(page.get_by_role("button", name="Cerrar sesión", exact=True)).to_be_visible()
    settled(page)


def wait_for(visitor: Visitor, condition: Callable[[], bool]) -> None:
    """Let the page go on until `condition` holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        visitor.page.wait_for_timeout(100)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_the_example_of_the_docs_works(
    browser: Browser, settings: Settings, tmp_path: Path, proxy: str
) -> None:
    with behind(tmp_path, settings, proxy, public=False) as address:
        visitor = open_page(browser, f"{address}/courses")
        lines: list[str] = []
        visitor.page.on("websocket", lambda line: lines.append(urlsplit(line.url).path))
        sign_in(visitor)

        assert visitor.page.url == f"{address}/courses"
        wait_for(visitor, lambda: set(lines) >= {"/_stcore/stream", "/live"})
        assert (visitor.console, visitor.hosts) == ([], {"localhost"})
        visitor.page.context.close()


@pytest.mark.usefixtures("account")
def test_a_proxy_that_changes_the_host_works_with_the_public_address(
    browser: Browser, settings: Settings, tmp_path: Path
) -> None:
    with behind(tmp_path, settings, "nginx", public=True, **DEFAULT_HOST) as address:
        visitor = open_page(browser, address)
        sign_in(visitor)

        assert visitor.console == []
        visitor.page.context.close()


def test_a_proxy_that_changes_the_host_is_told_what_is_missing(
    browser: Browser, settings: Settings, tmp_path: Path
) -> None:
    with behind(tmp_path, settings, "nginx", public=False, **DEFAULT_HOST) as address:
        visitor = open_page(browser, address)

        expect(visitor.page.locator("body")).to_contain_text(f"ULOS_PUBLIC_URL={address}")
        expect(visitor.page.get_by_label("Correo")).to_have_count(0)
        assert visitor.console == []
        visitor.page.context.close()


def test_a_proxy_that_adds_a_path_is_told_that_it_does_not_work(
    browser: Browser, settings: Settings, tmp_path: Path
) -> None:
    below = {
        "    location / {\n        proxy_pass http://ulos_dashboard;": (
            "    location /ulos/ {\n        proxy_pass http://ulos_dashboard/;"
        )
    }
    with behind(tmp_path, settings, "nginx", public=False, **below) as address:
        visitor = open_page(browser, f"{address}/ulos/")

        expect(visitor.page.locator("body")).to_contain_text("no funciona bajo una ruta como /ulos/")
        visitor.page.context.close()
