"""`wye providers` and `wye providers test` ask the gateway that runs, for its memory holds the truth."""

import json
import socket
from pathlib import Path

from tests.cli.conftest import Wye
from tests.support.gateway import Running, provider, serving
from tests.support.openai_wire import answer, refusal
from tests.support.upstream import Received, Reply, Upstream

KEY = "sk-ours-0123456789abcdefghij"
ADMIN_KEY = "wye-admin-0123456789abcdefghij"


def settings(upstream: Upstream) -> str:
    """Return settings with a breaker that opens, for the provider `up`."""
    return provider("up", upstream.url, f'api_keys = ["{KEY}"]') + "[breaker]\nfailure_threshold = 2\n"


def same(folder: Path, said: str, gateway: Running, *more: str) -> None:
    """Write the settings that the gateway was started with, as an operator has them."""
    lines = ["[server]", f"port = {gateway.port}", *more, said]
    (folder / "wye.toml").write_text("\n".join(lines), encoding="utf-8")


def working(request: Received) -> Reply:
    """List a model, and answer."""
    return Reply.json({"data": [{"id": "model"}]}) if request.method == "GET" else answer()


def test_providers_are_told_as_the_running_gateway_knows_them(wye: Wye, tmp_path: Path) -> None:
    with Upstream() as upstream, serving(settings(upstream)) as gateway:
        same(tmp_path, settings(upstream), gateway)
        upstream.handler = lambda _: refusal(401, "who are you?")
        gateway.chat("up/model")
        done = wye("providers")
        assert done.returncode == 0, done.stderr
        line = next(line for line in done.stdout.splitlines() if line.startswith("up "))
        assert "unavailable" in line
        assert "(refused)" in line
        assert f"by the gateway at http://127.0.0.1:{gateway.port}" in done.stdout
        rows = {row["id"]: row for row in json.loads(wye("providers", "--json").stdout)}
        assert (rows["up"]["status"], rows["mock"]["status"]) == ("unavailable", "connected")
        assert rows["up"]["breaker"] in {"CLOSED", "OPEN"}
        assert rows["openai"]["needs"] == "set OPENAI_API_KEY"
        assert KEY not in done.stdout
        local = json.loads(wye("providers", "--local", "--json").stdout)
        assert {row["id"]: row["status"] for row in local}["up"] == "configured"


def test_without_a_gateway_the_settings_are_told(wye: Wye, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    (tmp_path / "wye.toml").write_text(f"[server]\nport = {port}\n")
    done = wye("providers")
    assert (done.returncode, "by the settings" in done.stdout) == (0, True)


def test_something_else_at_that_address_is_not_taken_for_a_gateway(wye: Wye, tmp_path: Path) -> None:
    with Upstream() as other:
        other.handler = lambda _: Reply.json({"providers": {"evil": {}}})
        port = int(other.url.split(":")[2].split("/")[0])
        (tmp_path / "wye.toml").write_text(f"[server]\nport = {port}\n")
        assert "by the settings" in wye("providers").stdout


def test_a_gateway_with_a_key_is_asked_with_it(wye: Wye, tmp_path: Path) -> None:
    locked = '[server]\nadmin_key = "env:KEY_OF_OURS"\n'
    with serving(locked, environ={"KEY_OF_OURS": ADMIN_KEY}) as gateway:
        same(tmp_path, "", gateway, 'admin_key = "env:KEY_OF_OURS"')
        assert "by the gateway" in wye("providers", KEY_OF_OURS=ADMIN_KEY).stdout
        refused = wye("providers", KEY_OF_OURS=f"{ADMIN_KEY}-other")
        assert (refused.returncode, "by the settings" in refused.stdout) == (0, True)
        assert "does not let us in" in refused.stderr
        assert ADMIN_KEY not in refused.stdout + refused.stderr


def test_a_provider_is_tried_out_by_the_running_gateway(wye: Wye, tmp_path: Path) -> None:
    with Upstream() as upstream, serving(settings(upstream)) as gateway:
        same(tmp_path, settings(upstream), gateway)
        upstream.handler = working
        done = wye("providers", "test", "up", "--model", "model", "--json")
        told = json.loads(done.stdout)
        assert (told["ok"], [step["step"] for step in told["steps"]]) == (True, ["models", "answer"])
        assert gateway.wait_line(path="/api/llm-providers/test", status=200)
        assert "1 models" in wye("providers", "test", "up").stdout
        refused = wye("providers", "test", "upp")
        assert (refused.returncode, "near names: up" in refused.stderr) == (2, True)
        upstream.handler = lambda _: refusal(401)
        assert wye("providers", "test", "up").returncode == 1
