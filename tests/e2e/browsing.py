"""The project as people use it: `core up` and a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.ports import free_port
from tests.waiting import LIMIT_SECONDS

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--ignore-certificate-errors",  # of proxies; allowed by page, Chromium asks again and again and gives up
]  # fmt: skip

expect.set_options(timeout=LIMIT_SECONDS * 1_000)


@dataclass(frozen=True)
class Project:
    address: str
    api: str
    folder: Path


@dataclass(frozen=True)
class Visitor:
    page: Page
    console: list[str]
    hosts: set[str]


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Project]:
    """The project on `folder`, with further settings, until the block ends; it must leave no process."""
    ports = {"ULOS_DASHBOARD_PORT": str(free_port()), "ULOS_API_PORT": str(free_port())}
    environment = os.environ | ports | {"ULOS_DATA_DIR": str(folder), "ULOS_LANGUAGE": "es"} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "up"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("ready: dashboard"), line
        yield Project(line.split()[2], line.split()[4], folder)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(2 * LIMIT_SECONDS)
        process.stdout.close()
    assert left_behind(folder) == []


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that are still there some seconds after the end."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (found := members(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return [command for _, command in found]


def members(folder: Path) -> list[tuple[int, str]]:
    """Process id and command line of everything that the project on `folder` has started."""
    mark = f"ULOS_DATA_DIR={folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                command = path.with_name("cmdline").read_bytes().replace(b"\0", b" ")
                found.append((int(path.parent.name), command.decode(errors="replace")))
        except OSError:
            continue  # it has ended, or is somebody else's
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


STILL = """
const animate = Element.prototype.animate
Element.prototype.animate = function (frames, how) {
  return animate.call(this, frames, { ...(typeof how === "object" ? how : {}), duration: 0 })
}
"""
"""What unfolds is there at once: a hand waits for it to stand still, a test clicks beside it."""


VISITORS: list[Visitor] = []
"""The visitors of the current test."""


def watch(page: Page) -> Visitor:
    """Note what the page says on its console and which hosts it asks; let nothing on it unfold slowly."""
    visitor = Visitor(page, [], set())
    VISITORS.append(visitor)
    page.set_default_timeout(LIMIT_SECONDS * 1_000)
    page.add_init_script(STILL)
    page.on("console", lambda said: visitor.console.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: visitor.console.append(error.stack or error.message))
    page.on("request", lambda sent: visitor.hosts.add(sent.url.split("/")[2].split(":")[0]))
    return visitor


def sign_in(browser: Browser, project: Project, name: str, path: str = "/", **options: Any) -> Visitor:
    options = {"viewport": {"width": 1440, "height": 900}, "locale": "es-CO"} | options
    visitor = watch(browser.new_context(**options).new_page())
    page = visitor.page
    page.goto(project.address + path)
    settled(page)
    page.get_by_label("Correo").fill(f"{name}@uniandes.edu.co")
    page.get_by_label("Contraseña").fill("ulos-demo")
    page.get_by_role("button", name="Iniciar sesión").click()
    expect(page.get_by_role("button", name="Cerrar sesión", exact=True)).to_be_visible()
    settled(page)
    return visitor


def settled(page: Page) -> None:
    """Wait until the page is whole: who clicks while it is being drawn may hit what is just replaced."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def choose_cube(page: Page, content: bytes) -> Locator:
    """Choose `content` as the file for the demo's assignment; return its button."""
    assignment = page.get_by_test_id("stExpander").filter(has_text="Imprime un cubo —")
    assignment.get_by_text("Imprime un cubo —").click()
    chosen = {"name": "cubo.zip", "mimeType": "application/zip", "buffer": content}
    assignment.locator("input[type=file]").set_input_files(chosen)  # type: ignore[arg-type]  # a literal dict
    return assignment.get_by_role("button", name="Entregar")


def upload(page: Page, content: bytes) -> None:
    button = choose_cube(page, content)
    expect(button).to_be_enabled()
    button.press("Enter")  # by keyboard: the part above it is still unfolding
