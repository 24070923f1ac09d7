"""How soon is each page of the console painted with a full database? Run: python -m bench.pages

Fills a database as `bench.api` does, serves the real console over it, and opens every page in a new Chromium context
(no cache), and again in the same one. First paint is the browser's own first-contentful-paint; `shown` is when the
page's content is there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.api import CONFIG, Sizes, _runner, fill, say, served
from runner.browser.discovery import find_browser

PAGES = (
    *("/", "/accounts", "/accounts/account-07", "/inbox", "/inbox?thread=5000", "/inbox?q=bicycle", "/listings"),
    *("/listings/5", "/jobs", "/jobs?state=failed", "/jobs/50000", "/attempts/50000", "/batches", "/errors", "/live"),
    *("/analytics?timeframe=24h", "/analytics?timeframe=30d", "/settings", "/keys"),
)
LIMIT_MS = 1000
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"


def main() -> None:
    """Fill, serve, open, and print."""
    parser = argparse.ArgumentParser(description="How soon is each page painted with a full database?")
    parser.add_argument("--jobs", type=int, default=Sizes.jobs)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as name:
        folder = Path(name)
        (folder / "playwright.config.toml").write_text(CONFIG)
        token = _runner(folder, "tokens", "add", "bench", "--role", "admin").strip()
        fill(folder / "runner.db", Sizes(jobs=args.jobs))
        say(f"{Sizes(jobs=args.jobs)}; load {os.getloadavg()[0]:.1f}")
        with served(folder, token, "--no-auth") as (client, _), sync_playwright() as playwright:
            path = find_browser(configured=None, headless=True).path
            browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=os.geteuid() != 0)
            measure(browser, str(client.base_url).rstrip("/"), args.rounds)
            browser.close()


def measure(browser: Browser, url: str, rounds: int) -> None:
    """Print the median of each page, first with an empty cache and then with a full one."""
    say(f"{'first paint':>12} {'shown':>7} {'again':>7} {'shown':>7}  page (median ms of {rounds})")
    late = []
    for path in PAGES:
        found = [_visit(browser, url + path) for _ in range(rounds)]
        cold, cold_shown, warm, warm_shown = (statistics.median(each) for each in zip(*found, strict=True))
        say(f"{cold:12.0f} {cold_shown:7.0f} {warm:7.0f} {warm_shown:7.0f}  {path}")
        late += [path] if cold >= LIMIT_MS else []
    say(f"{len(PAGES) - len(late)} of {len(PAGES)} pages are first painted within {LIMIT_MS} ms, with an empty cache")


def _visit(browser: Browser, url: str) -> tuple[float, float, float, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    cold = _opened(page, url)
    warm = _opened(page, url)
    context.close()
    return (*cold, *warm)


def _opened(page: Page, url: str) -> tuple[float, float]:
    page.goto(url, timeout=60_000)
    page.wait_for_selector("main.page", timeout=60_000)
    return float(page.evaluate(PAINT)), float(page.evaluate("performance.now()"))


if __name__ == "__main__":
    main()
