"""Let Lighthouse judge how fast the console is there and whom it shuts out: the median of some runs.

python tools/lighthouse.py [--page / …] [--form desktop] [--runs 5] [--url http://127.0.0.1:8080] [--keep FOLDER]

Without an address it judges a gateway after a made-up month (tests/console/seed.py): its pages, and signing in at one
that is behind a key. Needs Node.js and a Chromium; Lighthouse is fetched from npm into a folder outside the checkout.
What it says depends on the machine: run it where nothing else runs.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.console.browser import ARGUMENTS, executable
from tests.console.seed import house

LIGHTHOUSE: Final = "lighthouse@12.8.2"
PLACE: Final = Path(tempfile.gettempdir()) / "wye-lighthouse"
FORMS: Final = ("desktop", "mobile")
JUDGED: Final = ("performance", "accessibility", "best-practices")
TIMES: Final = {
    "first-contentful-paint": "first paint",
    "largest-contentful-paint": "largest paint",
    "speed-index": "speed index",
    "total-blocking-time": "blocked",
}


def program() -> Path:
    """Return Lighthouse, fetched when it is not there yet."""
    found = PLACE / "node_modules" / ".bin" / "lighthouse"
    if not found.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--prefix", str(PLACE), "--no-audit", "--no-fund", "--loglevel=error", LIGHTHOUSE],
            check=True,
        )
    return found


def judge(url: str, form: str, keep: Path) -> dict[str, Any]:
    """Return what Lighthouse says of a page, as its JSON has it."""
    command = [
        str(program()), url, "--quiet", "--output=json", f"--output-path={keep}",
        f"--only-categories={','.join(JUDGED)}", f"--chrome-flags={' '.join(ARGUMENTS)}",
        *(["--preset=desktop"] if form == "desktop" else []),
    ]  # fmt: skip
    for _ in range(3):  # now and then a trace is lost, above all on a busy machine
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environ())
        if done.returncode == 0:
            said: dict[str, Any] = json.loads(keep.read_bytes())
            return said
    sys.exit(f"Lighthouse failed:\n{done.stderr[-2000:]}")


def _environ() -> dict[str, str]:
    chromium = executable()
    if chromium is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    path = f"{Path(shutil.which('node') or sys.exit('there is no Node.js')).parent}:/usr/local/bin:/usr/bin:/bin"
    return {"CHROME_PATH": chromium, "PATH": path, "HOME": str(PLACE)}


def told(name: str, runs: list[dict[str, Any]]) -> str:
    """Return one line: the medians of scores (of 100) and times, and how far the score for speed ranged."""
    scores = {one: [round(run["categories"][one]["score"] * 100) for run in runs] for one in JUDGED}
    speed = scores["performance"]
    median = ", ".join(f"{one} {statistics.median(scores[one]):g}" for one in JUDGED)
    times = ", ".join(
        f"{word} {statistics.median(run['audits'][audit]['numericValue'] for run in runs):.0f} ms"
        for audit, word in TIMES.items()
    )
    shift = statistics.median(run["audits"]["cumulative-layout-shift"]["numericValue"] for run in runs)
    return f"{name}: {median} ({min(speed)}-{max(speed)}); {times}, shift {shift:.3f}"


@contextmanager
def _served(url: str | None, pages: list[str]) -> Iterator[dict[str, str]]:
    """Yield the addresses to judge by what they are called."""
    if url is not None:
        yield {path: f"{url}/console{path}" for path in pages}
        return
    with house() as made, house(locked=True, requests=50) as shut:
        yield {path: f"{made.url}/console{path}" for path in pages} | {"sign-in": f"{shut.url}/console/"}


def main() -> int:
    """Judge what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of a gateway that runs")
    parser.add_argument("--page", action="append", default=[])
    parser.add_argument("--form", choices=FORMS, action="append", default=[])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, default=PLACE / "reports", help="where each run's report stays")
    said = parser.parse_args()
    program()
    said.keep.mkdir(parents=True, exist_ok=True)
    with _served(said.url, said.page or ["/"]) as addresses:
        for called, address in addresses.items():
            for form in said.form or FORMS:
                name = called.strip("/").replace("/", "-") or "overview"
                runs = [judge(address, form, said.keep / f"{name}-{form}-{at}.json") for at in range(said.runs)]
                print(told(f"{name} {form}", runs), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
