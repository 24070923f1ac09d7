"""Takes the pictures of the documentation again: python -m tools.screenshots [FOLDER].

Runs `runner demo --keep` in a terminal of its own, draws what it showed, and photographs the marketplace that it left.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.text import Text

from runner.browser.discovery import find_browser

COLUMNS, ROWS = 92, 24
VIEWPORT_WIDTH, VIEWPORT_HEIGHT = 960, 620
LARGEST_BYTES = 60_000
RUNNER = (sys.executable, "-c", "from runner.cli.main import main; main()")
WARMED_UP = re.compile(r"([6-9]|1[0-2]) of 18 jobs")
AT_WORK = re.compile("[\u2801-\u28ff].*\\(")
REDRAWN = re.compile(r"\r(?=\x1b\[(?:2K|1A))(?:\x1b\[2K)?(?:\x1b\[1A\x1b\[2K)*")
NOT_COLOUR = re.compile(r"\x1b\[[?0-9;]*[A-HJ-ln-z]|\x1b\[\?25[hl]")
# Rich's own frame without the fonts that it would fetch from a server: whoever looks has a monospace one.
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px;
  line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def main() -> int:
    """Take all pictures into the folder given, or docs/images; 1 when one of them is too large to be committed."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    data_dir = Path(tempfile.mkdtemp(prefix="runner-pictures-"))
    try:
        shown = demo_in_a_terminal(data_dir)
        served = json.loads((data_dir / "market" / "marketplace.json").read_text(encoding="utf-8"))
        try:
            frames = REDRAWN.split(shown)
            # The picture with most accounts at work, in the middle of the demo.
            middle = [frame for frame in frames if WARMED_UP.search(frame)]
            draw(max(middle, key=lambda frame: len(AT_WORK.findall(frame))), folder / "demo-at-work.svg")
            end = frames[-1][frames[-1].index("account") :].replace(str(data_dir), "~/demo")
            draw(end.partition("The marketplace is still")[0], folder / "demo-end.svg")
            photograph_evidence(data_dir / "screenshots", folder)
            photograph_marketplace(served["url"], data_dir, folder)
        finally:
            os.kill(served["pid"], signal.SIGTERM)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
    taken = sorted(path for path in folder.iterdir() if path.is_file())
    too_large = [path for path in taken if path.stat().st_size > LARGEST_BYTES]
    for path in taken:
        sys.stderr.write(f"{path.name}: {path.stat().st_size} bytes{' TOO LARGE' if path in too_large else ''}\n")
    return 1 if too_large else 0


def demo_in_a_terminal(data_dir: Path) -> str:
    """Everything that `runner demo` wrote to a terminal of COLUMNS x ROWS."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [*RUNNER, "demo", "--keep", "--no-stay", "--dir", str(data_dir)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment | {"TERM": "xterm-256color"},
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    if process.wait() != 0:
        raise SystemExit(f"runner demo failed:\n{shown.decode(errors='replace')}")
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says EIO where the other end is closed
        return b""


def draw(shown: str, path: Path) -> None:
    """Draw what a terminal showed as an SVG that needs nothing from anywhere."""
    text = NOT_COLOUR.sub("", shown).replace("\r\n", "\n").strip("\n")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(text))
    path.write_text(console.export_svg(title="runner demo", code_format=SVG, unique_id="t"), encoding="utf-8")


def photograph_evidence(screenshots: Path, folder: Path) -> None:
    """Keep the picture of the one injected failure."""
    (picture,) = screenshots.rglob("*.png")
    keep(picture.read_bytes(), folder / "evidence.png")


def photograph_marketplace(url: str, data_dir: Path, folder: Path) -> None:
    """Sign in as amy and photograph what the runner works with."""
    browser = find_browser(configured=None, headless=True)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser.path, chromium_sandbox=os.geteuid() != 0)
        page = launched.new_page(viewport={"width": VIEWPORT_WIDTH, "height": VIEWPORT_HEIGHT})
        page.goto(f"{url}/sign-in")
        if (cookies := page.get_by_role("button", name="Only necessary cookies")).is_visible():
            cookies.click()
        page.get_by_label("Username").fill("amy")
        page.get_by_label("Password").fill((data_dir / "market" / "passwords" / "amy").read_text().strip())
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/inbox*")
        photograph(page, folder / "marketplace-inbox.png")
        page.goto(f"{url}/listings")
        address = page.locator("[data-listing-id] a[href^='/item/']").first.get_attribute("href")
        page.goto(f"{url}{address}")
        photograph(page, folder / "marketplace-listing.png")
        launched.close()


def photograph(page: Page, path: Path) -> None:
    """Photograph what is to be seen of a page, once its pictures are there."""
    page.wait_for_load_state("networkidle")
    keep(page.screenshot(), path)


def keep(png: bytes, path: Path) -> None:
    """Save a picture in 128 colours, which a page needs no more of, and half the bytes."""
    with Image.open(io.BytesIO(png)) as image:
        image.thumbnail((VIEWPORT_WIDTH, VIEWPORT_HEIGHT))
        image.convert("RGB").quantize(128).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
