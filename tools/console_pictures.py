"""Pictures of every page of the console: light and dark on a desk, light on a phone. `make screenshots` takes them."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from runner.browser.discovery import find_browser

RUNNER = (sys.executable, "-c", "from runner.cli.main import main; main()")
PAGES = {
    "now": "/",
    "accounts": "/accounts",
    "account": "/accounts/carla",
    "inbox": "/inbox?thread=1",
    "rules": "/rules",
    "templates": "/rules/templates",
    "dry-run": "/rules/dry-run?last=20",
    "listings": "/listings",
    "jobs": "/jobs",
    "job": "/jobs/3",
    "attempt": "/attempts/{failed}",
    "errors": "/errors",
    "live": "/live",
    "analytics": "/analytics?timeframe=24h",
    "settings": "/settings",
}
RULES = {
    "templates": [
        {
            "name": "still-there",
            "text": ["Hi {buyer_name|there}, {listing_title|it} is still available.", "Yes, it is!"],
        },
        {"name": "price", "text": "It is {price|the price in the listing}, {buyer_name|and firm}.", "language": "en"},
    ],
    "rules": [
        {"name": "spam", "when": {"type": "spam_or_scam"}, "then": {"close": True}, "level": "automatic"},
        {"name": "still there?", "when": {"type": "availability_check"}, "then": {"reply": "still-there"}},
        {"name": "offers", "when": {"type": ["offer", "price_inquiry"], "price_to": 500}, "then": {"reply": "price"}},
    ],
}
VIEWS = {"light": (1280, 860, "light"), "dark": (1280, 860, "dark"), "phone": (390, 844, "light")}
KEPT_WIDTH = 900
READY_S, SHOWN_MS = 180.0, 30_000


def main() -> int:
    """Take them into the folder given, or docs/images/console."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "docs/images/console"
    take(folder)
    return 0


def take(folder: Path) -> None:
    """Take all pictures of a demo that has done its work."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = find_browser(configured=None, headless=True)
    with tempfile.TemporaryDirectory() as data_dir, console(Path(data_dir)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen.path, chromium_sandbox=os.geteuid() != 0)
        request = playwright.request.new_context(base_url=url)
        request.post("/api/v1/rules/import", data=RULES)
        for name, (width, height, scheme) in VIEWS.items():
            _view(browser, url, folder, name, width, height, scheme)
        browser.close()


@contextmanager
def console(data_dir: Path) -> Iterator[str]:
    """A demo that stays; gives the console's address."""
    said = data_dir / "said.txt"
    command = [*RUNNER, "demo", "--stay", "--no-auth", "--port", "0", "--dir", str(data_dir / "demo")]
    with said.open("w") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=os.environ | {"COLUMNS": "200"}
        )
    try:
        until = time.monotonic() + READY_S
        while "The console stays open" not in said.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the demo did not come so far:\n{said.read_text()}")
            time.sleep(0.2)
        yield next(re.finditer(r"console is at (http://\S+)", said.read_text())).group(1)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _view(browser: Browser, url: str, folder: Path, name: str, width: int, height: int, scheme: str) -> None:
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.set_default_timeout(SHOWN_MS)
    failed = page.request.get("/api/v1/attempts?failed=true").json()["items"][-1]["id"]
    for what, path in PAGES.items():
        page.goto(path.format(failed=failed))
        photograph(page, folder / f"{what}-{name}.png")
    context.close()


def photograph(page: Page, path: Path) -> None:
    """Keep a picture in 64 colours: a page needs no more of them, and it has a quarter of the bytes."""
    page.wait_for_selector("main.page")
    page.wait_for_load_state("networkidle")
    # Charts draw themselves for half a second.
    page.evaluate("document.fonts.ready.then(() => new Promise((done) => setTimeout(done, 700)))")
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.thumbnail((KEPT_WIDTH, KEPT_WIDTH))
        image.convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
