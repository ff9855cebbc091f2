"""Take pictures of every page of the console: desktop and phone, light and dark.

python tools/screenshots.py OUT [--page /models …] [--only desktop-light] [--url http://127.0.0.1:8080]

Without an address they are of a gateway after a made-up month (tests/console/seed.py).
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Final, Literal

from tests.console.browser import chromium
from tests.console.seed import house

PAGES = Path(__file__).resolve().parent.parent / "console" / "src" / "app" / "pages.ts"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


def paths() -> list[str]:
    """Return the path of every page, as the console lists them."""
    return re.findall(r'\bpath: "(/[^"$]*)"', PAGES.read_text(encoding="utf-8"))


def take(url: str, out: Path, pages: list[str], only: str) -> None:
    """Take the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                if only not in f"{size}-{scheme}":
                    continue
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
                )
                page = context.new_page()
                page.on("console", lambda said: print(f"  {said.type}: {said.text}") if said.type == "error" else None)
                for path in pages:
                    page.goto(f"{url}/console{path}", wait_until="load")
                    page.locator("main h1").first.wait_for(timeout=10_000)
                    page.wait_for_timeout(700)
                    name = re.sub(r"\W+", "-", path).strip("-") or "overview"
                    page.screenshot(path=out / f"{name}-{size}-{scheme}.png")
                context.close()


def main() -> int:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--url", help="of a gateway that runs")
    parser.add_argument("--page", action="append", default=[])
    parser.add_argument("--only", default="", help="a part of 'desktop-light'")
    said = parser.parse_args()
    pages = said.page or paths()
    if said.url:
        take(said.url, said.out, pages, said.only)
    else:
        with house() as made:
            take(made.url, said.out, pages, said.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
