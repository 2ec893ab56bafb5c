"""No click is lost, whatever else runs: a small app with slow parts, in a real browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import settled
from tests.ports import free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import time
import streamlit as st

counts = st.session_state.setdefault("counts", {})

def note(name):
    counts[name] = counts.get(name, 0) + 1

def slowly(name):
    time.sleep(0.4)
    st.session_state["last"] = name
    note(name)

def unfold(is_open):
    st.session_state["is_folded"] = not is_open
    note("unfold" if is_open else "fold")

def leave():
    st.query_params["left"] = "yes"

live = st.components.v2.component(
    "live",
    html="<i></i>",
    js="export default (its) => { window.ask = () => its.setTriggerValue('changed', Date.now()) }",
)

@st.fragment(key="part")
def part():
    live(key="part-socket", on_changed_change=lambda: None)
    st.button("fragment", on_click=note, args=("fragment",))
    st.text(f"drawn {note('drawn')}")

if st.button("first"):
    note("first")
    st.session_state["after"] = True
st.button("callback", on_click=slowly, args=("callback",))
st.button("leave", on_click=leave)
st.button("fold", on_click=unfold, args=(False,))
st.button("unfold", on_click=unfold, args=(True,))
if not st.session_state.get("is_folded"):
    st.text("a long text " * 2_000)
part()
for turn in range(10):
    time.sleep(0.05)
    st.text(f"step {turn}")
if st.button("last"):
    note("last")
if "left" in st.query_params:
    note("seen left")
shown = [f"{name} {count}" for name, count in sorted(counts.items()) if name != "drawn"]
st.text("counts: " + ", ".join(shown))
"""
SERVER = """
from streamlit.starlette import App
from dashboard.run_queue import RunQueue
app = RunQueue(App("script.py"))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("slow")
    (folder / "script.py").write_text(SCRIPT)
    (folder / "server.py").write_text(SERVER.replace("script.py", str(folder / "script.py")))
    port = free_port()
    command = ["-m", "uvicorn", "server:app", f"--port={port}", f"--app-dir={folder}", "--log-level=warning"]
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: httpx.get(f"{url}/_stcore/health").is_success, httpx.TransportError)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_context().new_page()
    page.goto(address)
    expect(page.get_by_role("button", name="last")).to_be_visible()
    settled(page)
    page.evaluate(
        """() => {
          window.press = (name) => [...document.querySelectorAll("button")]
            .find((one) => one.innerText.trim() === name).click()
          window.later = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds))
        }"""
    )
    yield page
    page.context.close()


PRESSES = {
    "a button at the end of a page that another click draws again": (
        "press('last'); await later(150); press('first')",
        "counts: first 1, last 1",
    ),
    "a button of a part behind a run that another click follows": (
        "press('first'); await later(100); press('fragment'); await later(50); press('last')",
        "counts: first 1, fragment 1, last 1",
    ),
    "an action that is under way when the next click comes": (
        "press('callback'); await later(150); press('first')",
        "counts: callback 1, first 1",
    ),
    "a button pressed while a live part asks to be drawn": (
        "ask(); press('last')",
        "counts: last 1",
    ),
    "a button that changes the address while a live part asks to be drawn": (
        "ask(); press('leave')",
        "counts: seen left 1",
    ),
    "a change of the address that the next click does not know yet": (
        "press('leave'); await later(5); press('last')",
        "counts: last 1, seen left 2",
    ),
    "a button that brings back what several runs before it have not drawn": (
        "for (let n = 0; n < 4; n++) { press('fold'); await later(100) } press('unfold')",
        "counts: fold 4, unfold 1",
    ),
    "many clicks in one moment": (
        "for (const name of ['first', 'last', 'fragment', 'callback']) { press(name); await later(30) }",
        "counts: callback 1, first 1, fragment 1, last 1",
    ),
    "a button among updates": (
        "for (let turn = 0; turn < 20; turn++) { ask(); await later(40); if (turn === 7) press('last') }",
        "counts: last 1",
    ),
}


@pytest.mark.parametrize(("presses", "counted"), PRESSES.values(), ids=PRESSES)
def test_a_click_has_its_effect_once(page: Page, presses: str, counted: str) -> None:
    page.evaluate(f"async () => {{ {presses} }}")

    expect(page.get_by_text(counted, exact=True)).to_be_visible()
    settled(page)
    expect(page.get_by_text(counted, exact=True)).to_be_visible()
