"""Runs a measurement that happens in one process in the compiled wheel, which is what users install."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-compiled"
"""The one that `make test-compiled` uses: the wheel with all that the tests need."""


def again(*arguments: str) -> int:
    """Run `python -m bench` with these arguments there, and return its status.

    The wheel is built where it is not there, or not of these sources. Raises `subprocess.CalledProcessError` where it
    cannot be.
    """
    build = [sys.executable, str(ROOT / "tools" / "build_wheel.py"), "--into", str(ENVIRONMENT), "--dev"]
    subprocess.run(build, check=True)
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-m", "bench", *arguments], cwd=ROOT, env=kept, check=False
    ).returncode


def kind() -> str:
    """Say which Wye this process measures."""
    import wye.engine

    return "sources as they are" if str(wye.engine.__file__).endswith(".py") else "compiled wheel"
