"""`make test-local-model`: Wye against an inference server that nobody here wrote, `transformers serve`.

    python -m tests.local_model [arguments for pytest]

The first run makes a virtual environment under `.cache/` beside this file, some 1.2 GB with PyTorch, and in it a tiny
random Llama (`make_model.py`); both stay for later runs, and deleting `.cache/` starts over. Packages come from PyPI.
Nothing is downloaded from a model hub, at no time.

PyTorch without CUDA is tried first: pip finds it where its configuration names wheels for CPUs only, by `find-links` or
an index. Elsewhere PyPI's is taken; on Linux that one brings CUDA along, several GB of it, which this avoids:

    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make test-local-model
"""

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.local_model.server import CACHE, ENVIRONMENT, MODEL, SWITCH

_TORCH: Final = "2.13.0"
_PACKAGES: Final = (f"torch=={_TORCH}", "transformers[serving]==5.23.0")
_HERE: Final = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Make what is missing and run the tests; return pytest's exit code."""
    _once("packages", " ".join(_PACKAGES), _make_environment)
    recipe = _HERE / "make_model.py"
    _once("model", hashlib.sha256(recipe.read_bytes()).hexdigest(), lambda: _run(_python(), recipe, MODEL))
    command = (sys.executable, "-m", "pytest", str(_HERE), "-p", "no:xdist", "--durations=3", *arguments)
    return subprocess.run(command, env={**os.environ, SWITCH: "1"}, check=False).returncode


def _once(name: str, wanted: str, make: Callable[[], object]) -> None:
    """Make something, unless it has been made from the same recipe before."""
    stamp = CACHE / f"{name}.made"
    if not stamp.is_file() or stamp.read_text() != wanted:
        make()
        stamp.write_text(wanted)


def _make_environment() -> None:
    print(f"installing {' and '.join(_PACKAGES)} into {ENVIRONMENT}; this takes a minute or more", flush=True)  # noqa: T201
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    install = (_python(), "-m", "pip", "install", "-qq", "--disable-pip-version-check")
    without_cuda = subprocess.run((*install, f"torch=={_TORCH}+cpu"), capture_output=True, check=False)
    if without_cuda.returncode:
        print("found no PyTorch for CPUs only and take PyPI's; see python -m pydoc tests.local_model.__main__")  # noqa: T201
    _run(*install, *_PACKAGES)


def _python() -> Path:
    return ENVIRONMENT / "bin" / "python"


def _run(*command: str | Path) -> None:
    subprocess.run(command, env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}, check=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
