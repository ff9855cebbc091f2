"""Write the JSON twins of the catalog's files, which are quick to read.

python tools/compile_catalog.py            write those that differ
python tools/compile_catalog.py --check    change nothing, exit 1 where one differs
"""

import argparse
import sys
from pathlib import Path

from wye.catalog.loader import compiled, twin_name

DATA = Path(__file__).resolve().parent.parent / "src" / "wye" / "catalog" / "data"


def stale(directory: Path = DATA) -> dict[Path, bytes | None]:
    """Return what twins have to be, for those that are not: `None` where there must be none."""
    sources = sorted(directory.glob("*.toml"))
    wanted: dict[Path, bytes | None] = {
        directory / twin_name(source.name): compiled(source.name, source.read_text(encoding="utf-8"))
        for source in sources
    }
    wanted |= {twin: None for twin in directory.glob("*.json") if twin not in wanted}
    return {twin: body for twin, body in wanted.items() if (twin.read_bytes() if twin.is_file() else None) != body}


def main() -> int:
    """Write or check."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="change nothing, exit 1 where a twin differs")
    only_check = arguments.parse_args().check
    differing = stale()
    for twin, body in differing.items():
        print(f"{twin.name}: {'differs from its source' if only_check else 'written'}")
        if only_check:
            continue
        if body is None:
            twin.unlink()
        else:
            twin.write_bytes(body)
    if differing and only_check:
        print("run 'make format'")
    return 1 if differing and only_check else 0


if __name__ == "__main__":
    sys.exit(main())
