"""Write `docs/openapi.json`, the description of the application API that the gateway serves at `/api/openapi.json`.

python tools/write_openapi.py            write the document
python tools/write_openapi.py --check    change nothing, exit 1 where the document is not what the code says
"""

import argparse
import json
import sys
from pathlib import Path

from wye.gateway.api.application import build
from wye.gateway.api.reference import document

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text() -> str:
    """Return the document as the code says it."""
    return json.dumps(document(build()), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    """Write the document, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing")
    if not parser.parse_args().check:
        DOCUMENT.write_text(text(), encoding="utf-8")
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == text():
        return 0
    print(f"{DOCUMENT.name} is not what the code says; run `make docs`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
