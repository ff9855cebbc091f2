"""How each gateway is installed, configured and started, all of them with one worker and quiet logs."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.machine import find_tool
from bench.payloads import MODEL

CACHE = Path(__file__).parent / ".cache"
NOISE_FREE = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
"""The environment of a target: no provider keys, proxies or settings of whoever runs the benchmark."""


class UnavailableError(RuntimeError):
    """A target cannot be installed or started here; the message says why, in a sentence."""


class Site(msgspec.Struct, frozen=True):
    """Where a target is to run: a directory for its files, its port, and the upstream's, all on 127.0.0.1."""

    directory: Path
    port: int
    upstream: int


class Launch(msgspec.Struct, frozen=True):
    """How to start a target that has been set up; a `slow` one takes its turn once per cell only."""

    version: str
    argv: list[str]
    environment: dict[str, str]
    slow: bool = False


def nginx(site: Site, options: "TargetOptions") -> Launch:
    """Set up a bare reverse proxy: what copying bytes between two sockets costs on this machine."""
    del options
    program = find_tool("nginx")
    if program is None:
        raise UnavailableError("nginx is not installed")
    config = site.directory / "nginx.conf"
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    config.write_text(NGINX_CONF.format(user=user, directory=site.directory, port=site.port, upstream=site.upstream))
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr.strip()
    return Launch(
        version=version.partition("/")[2],
        argv=[program, "-p", str(site.directory), "-c", str(config), "-e", str(site.directory / "nginx-error.log")],
        environment=NOISE_FREE,
    )


def wye(site: Site, options: "TargetOptions") -> Launch:
    """Set up this project's compiled wheel without the launcher, and as the others here: no books, nothing counted."""
    return _wye(site, options.wye or compiled_wye(), adapter="openai_chat")


def wye_python(site: Site, options: "TargetOptions") -> Launch:
    """Set up the same from its sources as they are, which is what a checkout runs."""
    del options
    return _wye(site, Path(sys.executable).parent / "wye", adapter="openai_chat")


def wye_books(site: Site, options: "TargetOptions") -> Launch:
    """Set up this project as a user starts it: every request is a row of its database."""
    return _wye(site, options.wye or compiled_wye(), adapter="openai_chat", store=f"sqlite:///{site.directory}/wye.db")


def wye_translated(site: Site, options: "TargetOptions") -> Launch:
    """Set up this project before an upstream of another wire format than its callers'."""
    return _wye(site, options.wye or compiled_wye(), adapter="anthropic_messages")


def _wye(site: Site, program: Path, *, adapter: str, store: str = "memory://") -> Launch:
    if not program.exists():
        raise UnavailableError(f"{program} does not exist (uv sync creates it)")
    config = site.directory / "wye.toml"
    metrics = "false" if store == "memory://" else "true"
    words = {"model": MODEL, "adapter": adapter, "store": store, "metrics": metrics}
    config.write_text(WYE_TOML.format(port=site.port, upstream=site.upstream, **words))
    return Launch(
        version=_version(program),
        argv=[str(program), "serve", "--config", str(config), "--host", "127.0.0.1", "--port", str(site.port)],
        environment=NOISE_FREE | {"HOME": str(site.directory)},
    )


def litellm(site: Site, options: "TargetOptions") -> Launch:
    """Set up LiteLLM's proxy from PyPI in an environment of its own: no keys, database, callbacks or verbose logs."""
    del options
    python = _litellm_python()
    config = site.directory / "litellm.yaml"
    provider, _, name = MODEL.partition("/")
    settings = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {
                    "model": f"openai/{name}",
                    "api_base": f"http://127.0.0.1:{site.upstream}/v1",
                    "api_key": f"{provider}-key",
                },
            }
        ],
        "litellm_settings": {"callbacks": [], "telemetry": False, "set_verbose": False, "num_retries": 0},
        "general_settings": {"disable_spend_logs": True},
    }
    config.write_bytes(msgspec.json.encode(settings))  # JSON is YAML
    find_version = [str(python), "-c", "from importlib.metadata import version; print(version('litellm'))"]
    return Launch(
        version=subprocess.run(find_version, capture_output=True, text=True, check=True).stdout.strip(),
        argv=[
            str(python.parent / "litellm"),
            *("--config", str(config), "--host", "127.0.0.1", "--port", str(site.port)),
            *("--num_workers", "1", "--telemetry", "False"),
        ],
        environment=NOISE_FREE
        | {
            "HOME": str(site.directory),
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "DISABLE_ADMIN_UI": "True",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "True",
        },
        slow=True,
    )


class TargetOptions(msgspec.Struct, frozen=True):
    """What the command line may say about targets: another `wye` program than that of the compiled wheel."""

    wye: Path | None = None


TARGETS: dict[str, Callable[[Site, TargetOptions], Launch]] = {
    "nginx": nginx,
    "wye": wye,
    "wye-python": wye_python,
    "wye-translated": wye_translated,
    "wye-books": wye_books,
    "litellm": litellm,
}


def _version(program: Path) -> str:
    """Tell which of its two forms a `wye` program is, by what its own interpreter finds."""
    python = program.resolve().parent / "python"
    ask = "from importlib.metadata import version; import wye.engine; print(version('wye'), wye.engine.__file__)"
    if not python.exists():
        return str(program)
    done = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=False, cwd=program.parent)
    if done.returncode:
        return str(program)
    number, _, file = done.stdout.strip().partition(" ")
    return f"{number} ({'sources as they are' if file.endswith('.py') else 'compiled wheel'})"


def compiled_wye() -> Path:
    """Find the program of the compiled wheel's environment, made on first use and whenever the sources changed."""
    environment = CACHE / "wye"
    command = [sys.executable, str(CACHE.parent.parent / "tools" / "build_wheel.py"), "--into", str(environment)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"{done.stderr.strip().splitlines()[0]}; `wye-python` is the same without compiling")
    return environment / "bin" / "wye"


def _litellm_python() -> Path:
    """Find the interpreter of LiteLLM's environment, which is created on first use (about 600 MB)."""
    environment = CACHE / "litellm"
    python = environment / "bin" / "python"
    if (environment / "bin" / "litellm").exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        raise UnavailableError("uv is not installed, so LiteLLM cannot be")
    CACHE.mkdir(exist_ok=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", version, str(environment)],
        [uv, "pip", "install", "--quiet", "--python", str(python), "litellm[proxy]"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnavailableError(f"LiteLLM could not be installed: {done.stderr.strip().splitlines()[-1]}")
    return python


NGINX_CONF = """\
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    client_max_body_size 32m;
    client_body_buffer_size 1m;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    upstream provider {{
        server 127.0.0.1:{upstream};
        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 300s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 300s;
        }}
    }}
}}
"""

WYE_TOML = """\
[server]
host = "127.0.0.1"
port = {port}

[store]
url = "{store}"

[metrics]
enabled = {metrics}

[providers.bench]
adapter = "{adapter}"
base_url = "http://127.0.0.1:{upstream}/v1"
api_keys = ["bench-key"]
allow_private_network = true

[models."{model}"]
context_window = 128000
input_cost_per_million = 0.15
output_cost_per_million = 0.60
"""
