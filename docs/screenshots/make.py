"""Takes the screenshots of the documentation from a running demo: `make screenshots`.

    python docs/screenshots/make.py [--address http://127.0.0.1:8501] [--out FOLDER] [--all]

Without `--all` only what the documents show; with it every page of every role, wide and narrow,
light and dark, in both languages, for looking through.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dashboard.registry import SCREENS

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PEOPLE = {"professor": "profesora", "monitor": "monitor", "student": "estudiante1", "admin": "admin"}
WIDTHS = {"wide": (1440, 900), "narrow": (390, 844)}
SHOWN = (("monitor", "monitoring"),)
PASSWORD = "ulos-demo"  # noqa: S105  the demo's published password


def sign_in(browser: Browser, address: str, role: str, *, width: str, theme: str, language: str) -> Page:
    """A page of a signed-in person."""
    sizes = dict(zip(("width", "height"), WIDTHS[width], strict=True))
    context = browser.new_context(
        viewport=sizes,  # type: ignore[arg-type]  # a literal dict
        color_scheme=theme,  # type: ignore[arg-type]  # one of its two words
        locale={"es": "es-CO", "en": "en-GB"}[language],
    )
    page = context.new_page()
    page.goto(address)
    page.get_by_text({"es": "Español", "en": "English"}[language], exact=True).click()
    page.get_by_label({"es": "Correo", "en": "E-mail"}[language]).fill(f"{PEOPLE[role]}@uniandes.edu.co")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name={"es": "Iniciar sesión", "en": "Sign in"}[language]).click()
    navigation = page.get_by_test_id("stSidebarNav").or_(page.get_by_test_id("stExpandSidebarButton"))
    expect(navigation.filter(visible=True).first).to_be_visible()  # narrow: folded behind the button
    return page


def take(page: Page, address: str, screen: str, target: Path) -> None:
    """One screenshot of the whole page, when it has settled."""
    page.goto(f"{address}/{screen}")
    expect(page.get_by_role("heading").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    size = page.viewport_size
    if size is None:
        raise RuntimeError("the page has no size")
    page.set_viewport_size(
        {"width": size["width"], "height": min(max(size["height"], int(height) + 60), 4000)}
    )
    page.wait_for_timeout(700)  # charts draw after the network is idle
    page.screenshot(path=target)
    page.set_viewport_size(size)
    print(target)


def main() -> None:
    """Take what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8501")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--language", choices=["es", "en"])
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        if not asked.all:
            for role, screen in SHOWN:
                page = sign_in(browser, asked.address, role, width="wide", theme="light", language="es")
                take(page, asked.address, screen, asked.out / f"{screen}.png")
            return
        languages = [asked.language] if asked.language else ["es", "en"]
        for role, width, theme, language in product(PEOPLE, WIDTHS, ("light", "dark"), languages):
            page = sign_in(browser, asked.address, role, width=width, theme=theme, language=language)
            for screen in SCREENS:
                if role in screen.roles:
                    name = f"{role}-{screen.path}-{width}-{theme}-{language}.png"
                    take(page, asked.address, screen.path, asked.out / name)
            page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
