"""Check that mypyc can translate what the wheel compiles. The C compiler is left out, it only takes time.

python -m tools.check_compiles
"""

import contextlib
import io
import sys
import tempfile

from mypyc.build import mypycify
from tools.build_wheel import modules


def main() -> int:
    """Translate into a folder that goes; print what cannot be."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="wye-translated-") as folder:
        try:
            with contextlib.redirect_stdout(said):
                mypycify(["--ignore-missing-imports", *modules()], target_dir=folder, group_name="wye")
        except SystemExit:
            errors = [line for line in said.getvalue().splitlines() if "warning:" not in line]
            print("\n".join(errors), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
