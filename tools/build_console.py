"""Build the console into the package where Node.js is there and its sources are newer than what was built.

python tools/build_console.py            build if needed; says plainly why not, and exits 0 all the same
python tools/build_console.py --strict   exit 1 where it is not built afterwards
"""

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "console"
BUILT: Final = ROOT / "src" / "wye" / "gateway" / "web"
_LEAST_NODE: Final = 20
_PARTS: Final = ("src", "public", "build", "index.html", "package-lock.json", "vite.config.ts", "tsconfig.json")


def is_stale() -> bool:
    """Tell whether a source is newer than what was built, or nothing was built."""
    page = BUILT / "index.html"
    if not page.is_file():
        return True
    parts = (SOURCES / part for part in _PARTS)
    files = (file for part in parts for file in ([part] if part.is_file() else part.rglob("*")))
    return max(file.stat().st_mtime for file in files) > page.stat().st_mtime


def missing() -> str | None:
    """Return what is missing to build with, if anything."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return f"Node.js {_LEAST_NODE} or later is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    number = version.removeprefix("v").partition(".")[0]
    if not number.isdigit() or int(number) < _LEAST_NODE:
        return f"Node.js is {version}; {_LEAST_NODE} or later is needed"
    return None


def install() -> str | None:
    """Install what the lock file names, where that has not been done; return what went wrong, if anything."""
    wanted = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    stamp = SOURCES / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return None
    # Not `npm ci`: it refuses where a registry lacks the builds of a package for other machines than this.
    failed = _run("npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error")
    if failed is None:
        stamp.write_text(wanted, encoding="utf-8")
    return failed


def ensure() -> str | None:
    """Build if needed, one at a time; return why it could not be done, if it could not."""
    with (SOURCES / "package.json").open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        return _build()


def _build() -> str | None:
    if (why := missing()) is not None:
        return why if is_stale() else None
    if (why := install()) is not None or not is_stale():
        return why
    print("building the console", flush=True)
    return _run("npx", "vite", "build", "--logLevel", "error")


def _run(*command: str) -> str | None:
    done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return f"`{' '.join(command)}` failed:\n{(done.stderr or done.stdout).strip()[-2000:]}"


def main() -> int:
    """Build, and say why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strict", action="store_true", help="fail where it is not built afterwards")
    said = parser.parse_args()
    if (why := ensure()) is None:
        return 0
    there = "the one that was built before is served" if (BUILT / "index.html").is_file() else "everything else works"
    print(f"the console is not built: {why}\n{there}", file=sys.stderr)
    return 1 if said.strict else 0


if __name__ == "__main__":
    sys.exit(main())
