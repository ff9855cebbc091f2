"""Build the wheel, compiled by mypyc where a C compiler and Python's headers are, and as plain Python elsewhere.

python tools/build_wheel.py                      build it into `dist/` and say which of the two it is
python tools/build_wheel.py --into DIRECTORY     make an environment there with the compiled wheel, or renew it

The second fails where it cannot compile. `--dev` puts what the tests need into the environment as well. The wheel is
built from an unpacked source distribution: mypyc puts its extensions beside the sources, where a checkout would find
them.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "wye-built-from"
"""The file of an environment that says which sources its wheel was built from."""


def main() -> int:
    """Build, and install where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the wheel goes (dist)")
    parser.add_argument("--into", type=Path, help="the environment to make")
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    options = parser.parse_args()
    reason = cannot_compile()
    try:
        if options.into is None:
            wheel = build(options.out, compiled=reason is None)
            print(f"{wheel}: {'compiled' if reason is None else f'pure Python, about half as fast, as {reason}'}")
        elif reason is not None:
            print(f"the wheel cannot be compiled: {reason}", file=sys.stderr)
            return 1
        else:
            install(options.into.resolve(), dev=options.dev)
    except subprocess.CalledProcessError as failed:
        print(f"{' '.join(failed.cmd)} failed:\n{failed.stderr}", file=sys.stderr)
        return 1
    return 0


def cannot_compile() -> str | None:
    """Return why nothing can be compiled here, `None` where it can."""
    compiler = os.environ.get("CC", "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler}) here"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "Python's headers are not installed (python3-dev on Debian)"
    return None


def modules() -> list[str]:
    """Return the files that the build compiles, beginning with `src/`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed: list[str] = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]["include"]
    return listed


def build(out: Path, *, compiled: bool) -> Path:
    """Build the wheel and return where it is; takes a minute or two when `compiled`."""
    with tempfile.TemporaryDirectory(prefix="wye-wheel-") as folder:
        _uv(
            "build",
            "--python",
            sys.executable,
            "--out-dir",
            folder,
            HATCH_BUILD_HOOK_ENABLE_MYPYC=str(compiled).lower(),
        )
        made = next(Path(folder).glob("*.whl"))
        held = {name.partition(".")[0] for name in zipfile.ZipFile(made).namelist() if name.endswith((".so", ".pyd"))}
        missing = [one for one in modules() if one.removeprefix("src/").removesuffix(".py") not in held]
        if compiled and missing:
            message = f"these were not compiled, are they there? {', '.join(missing)}"
            raise SystemExit(message)
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(made, out / made.name))


def install(into: Path, *, dev: bool) -> None:
    """Make an environment with the compiled wheel and the locked versions of all else, unless it is there already."""
    stamp, now = into / STAMP, digest()
    if stamp.exists() and stamp.read_text() == now:
        return
    stamp.unlink(missing_ok=True)
    groups = [] if dev else ["--no-dev"]
    _uv(
        *("sync", "--frozen", "--all-extras", "--no-install-project", "--python", sys.executable, *groups),
        UV_PROJECT_ENVIRONMENT=str(into),
    )
    with tempfile.TemporaryDirectory(prefix="wye-wheel-") as folder:
        wheel = build(Path(folder), compiled=True)
        _uv("pip", "install", "--python", str(into / "bin" / "python"), "--no-deps", "--reinstall", str(wheel))
    stamp.write_text(now)


def digest() -> str:
    """Name the sources that go into the wheel, and the Python that it is for."""
    name = hashlib.sha256(sys.version.encode())
    for path in sorted([ROOT / "pyproject.toml", ROOT / "uv.lock", *(ROOT / "src").rglob("*.*")]):
        if path.is_file() and path.suffix not in {".pyc", ".so"}:
            name.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return name.hexdigest()


def _uv(*arguments: str, **environment: str) -> None:
    found = shutil.which("uv")
    command = [found] if found is not None else [sys.executable, "-m", "uv"]
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(
        [*command, *arguments, "--quiet"], cwd=ROOT, env=kept | environment, check=True, capture_output=True, text=True
    )


if __name__ == "__main__":
    sys.exit(main())
