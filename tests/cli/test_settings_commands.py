"""`wye config` and `wye providers` say what is in force and where it is from, and never a key."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Wye
from tests.support.gateway import Json

KEY = "sk-provider-CANARY-0123456789abcdef"
SECOND_KEY = "sk-second-CANARY-0123456789abcdef"
ADMIN_KEY = "wye-admin-CANARY-0123456789abcdef"
SETTINGS = f"""
[server]
admin_key = "{ADMIN_KEY}"
keep_alive = 7.5

[providers.openai]
api_keys = ["env:MY_KEY", "{SECOND_KEY}"]
timeout = 12

[providers.mine]
base_url = "http://127.0.0.1:9/v1"
allow_private_network = true
headers = {{ "x-team" = "team-CANARY-0123456789" }}

[models."mine/small"]
context_window = 4096
capabilities = ["text", "vision"]

[aliases]
quick = ["mine/small", "openai/gpt-4o-mini"]
"""
FOUR_KEYS = {"MY_KEY": KEY, "ANTHROPIC_API_KEY": f"sk-ant-{KEY}", "GEMINI_API_KEYS": f"{KEY},{SECOND_KEY}"}


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    path = tmp_path / "wye.toml"
    path.write_text(SETTINGS)
    return path


def shown(wye: Wye, **variables: str) -> dict[str, Json]:
    done = wye("config", "show", "--json", **variables)
    assert done.returncode == 0, done.stderr
    return {line["setting"]: line for line in json.loads(done.stdout)}


# --- wye config show ---


def test_every_value_comes_with_its_origin(wye: Wye, configured: Path) -> None:
    lines = shown(wye, **FOUR_KEYS)
    origin = {name: line["from"] for name, line in lines.items()}
    value = {name: line["value"] for name, line in lines.items()}
    assert origin["server.port"] == "default"
    assert (value["server.keep_alive"], origin["server.keep_alive"]) == (7.5, "file wye.toml")
    assert (value["providers.openai.timeout"], origin["providers.openai.timeout"]) == (12, "file wye.toml")
    assert origin["providers.anthropic.api_keys"] == "environment ANTHROPIC_API_KEY"
    assert origin["providers.gemini.api_keys"] == "environment GEMINI_API_KEYS"
    assert len(value["providers.gemini.api_keys"]) == 2
    assert value["aliases.quick"] == ["mine/small", "openai/gpt-4o-mini"]
    assert value["models.mine/small.context_window"] == 4096


def test_the_table_says_the_same(wye: Wye, configured: Path) -> None:
    done = wye("config", "show", **FOUR_KEYS)
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    assert lines.keys() == {"setting", *shown(wye, **FOUR_KEYS)}
    assert lines["aliases.quick"].startswith("mine/small, openai/gpt-4o-mini ")
    assert lines["server.keep_alive"].split() == ["7.5", "file", "wye.toml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "show"),
        ("config", "show", "--json"),
        ("config", "check"),
        ("providers",),
        ("providers", "--all"),
        ("providers", "--json"),
        ("explain", "-m", "auto"),
        ("models", "--usable"),
    ],
)
def test_no_key_is_shown(wye: Wye, configured: Path, arguments: tuple[str, ...]) -> None:
    done = wye(*arguments, **FOUR_KEYS)
    assert done.returncode == 0
    assert "CANARY" not in done.stdout + done.stderr


def test_enough_of_a_key_is_shown_to_tell_it_from_another(wye: Wye, configured: Path) -> None:
    keys = shown(wye, **FOUR_KEYS)["providers.gemini.api_keys"]["value"]
    assert keys == ["sk-prov…cdef", "sk-seco…cdef"]
    assert "sk-prov…cdef, sk-seco…cdef" in wye("providers", **FOUR_KEYS).stdout


def test_the_password_of_a_redis_for_answers_is_not_shown(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "wye.toml").write_text('[cache]\nenabled = true\nurl = "redis://me:CANARY@cache:6379/2"\n')
    done = wye("config", "show", "--config", str(tmp_path / "wye.toml"), "--json")
    assert "CANARY" not in done.stdout + done.stderr
    found = {one["setting"]: one["value"] for one in json.loads(done.stdout)}
    assert (found["cache.url"], found["cache.enabled"]) == ("redis://cache:6379/2", True)
    assert found["metrics.max_models"] == 100


# --- wye config check ---


def test_settings_that_work_are_ok(wye: Wye, configured: Path) -> None:
    done = wye("config", "check", MY_KEY=KEY)
    assert done.returncode == 0
    assert done.stdout == "ok wye.toml; providers: mine, mock, openai\n"
    assert wye("config", "check", "--config", str(configured), MY_KEY=KEY).returncode == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[server]\nprot = 80\n", "'server.prot'; did you mean 'port'?"),
        ("[sevrer]\n", "did you mean 'server'?"),
        ('[server]\nworkers = "eight"\n', "server.workers"),
        ("[cache]\ntll = 60\n", "did you mean 'ttl'?"),
        ('[cache]\nurl = "http://cache"\n', "cache.url: write 'memory://' or 'redis://host:port/0'"),
        ('[cache]\nshare = "everybody"\n', "cache.share"),
        ("[metrics]\nport = 99999\n", "metrics.port"),
        ("[telemetry]\ncontents = true\n", "did you mean 'content'?"),
        ('[server]\nhost = "0.0.0.0"\n', "admin key"),
        ('[providers.openia]\napi_keys = ["k"]\n', "openai"),
        ('[providers.mine]\nbase_url = "ftp://x"\n', "base_url"),
        ('[providers.mine]\nbase_url = "http://x"\nadapter = "none_such"\n', "none_such"),
        ('[models."none-such/m"]\n', "provider/model"),
        ("[server\n", "not valid TOML"),
    ],
)
def test_settings_that_cannot_work_are_named(wye: Wye, tmp_path: Path, settings: str, said: str) -> None:
    (tmp_path / "wye.toml").write_text(settings)
    for arguments in (("config", "check"), ("providers",), ("chat", "Hi"), ("serve",)):
        if said == "admin key" and arguments[0] not in {"config", "serve"}:
            continue  # only who listens needs one
        done = wye(*arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stdout == ""


def test_what_is_accepted_but_does_nothing_is_a_warning(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "wye.toml").write_text('[aliases]\nnowhere = ["none-such"]\ngpt-4o = ["mock/mock-fast"]\n')
    done = wye("config", "check")
    assert done.returncode == 0
    assert "warning aliases.nowhere: 'none-such' reaches no provider in use" in done.stdout
    assert "aliases.gpt-4o is a model's name and never used" in first_words_of_serve(wye, tmp_path)


def test_a_fallback_that_reaches_nothing_is_a_warning(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "wye.toml").write_text('[routing.fallbacks]\n"mock/mock-fast" = ["mock/mock-slow", "none-such"]\n')
    done = wye("config", "check")
    assert done.returncode == 0
    assert "warning routing.fallbacks.mock/mock-fast: 'none-such' reaches no provider in use" in done.stdout
    assert "'mock/mock-slow'" not in done.stdout


def first_words_of_serve(wye: Wye, folder: Path) -> str:
    """Return what the server says of its settings; a port that is taken ends it right after."""
    from tests.support.gateway import process

    with process((folder / "wye.toml").read_text()) as served:
        served.program.terminate()
        assert served.program.stdout is not None
        return served.program.stdout.read()


# --- wye providers ---


def test_providers_in_use_are_listed_with_where_they_are(wye: Wye, configured: Path) -> None:
    lines = [line.split() for line in wye("providers", **FOUR_KEYS).stdout.splitlines()]
    rows = {line[0]: line for line in lines[1:-1]}
    assert rows.keys() == {"anthropic", "gemini", "mine", "mock", "openai"}
    assert rows["mine"][-1] == "http://127.0.0.1:9/v1"
    assert all(row[1] == "configured" for row in rows.values())


def test_all_providers_are_listed_with_what_they_need(wye: Wye) -> None:
    rows = {row["id"]: row for row in json.loads(wye("providers", "--json").stdout)}
    assert rows["mock"]["status"] == "configured"
    assert rows["ollama"]["status"] == "local"
    assert (rows["openai"]["status"], rows["openai"]["needs"]) == ("missing", "set OPENAI_API_KEY")
    table = wye("providers", "--all").stdout
    assert all(f"\n{name} " in table for name in rows)
    assert "set OPENAI_API_KEY" in table


def test_a_key_that_cannot_be_right_fails_the_check_and_is_marked_in_the_list(wye: Wye) -> None:
    done = wye("config", "check", OPENAI_API_KEY=f"sk-ant-{KEY}")
    assert done.returncode == 2
    assert "OPENAI_API_KEY is no key of OpenAI, which begins with 'sk-'" in done.stderr
    listed = wye("providers", OPENAI_API_KEY=f"sk-ant-{KEY}").stdout
    assert "bad key" in listed
    assert "check_keys" in listed
    assert KEY not in done.stdout + done.stderr + listed


def test_a_provider_that_another_one_serves_is_listed_with_it(wye: Wye) -> None:
    rows = {row["id"]: row for row in json.loads(wye("providers", "--json", OPENROUTER_API_KEY=f"sk-or-{KEY}").stdout)}
    assert rows["grok4"]["status"] == "through openrouter"
    done = wye("explain", "-m", "xai/grok-4.3", OPENROUTER_API_KEY=f"sk-or-{KEY}")
    assert (done.returncode, "openrouter/x-ai/grok-4.3" in done.stdout) == (0, True)
    assert "XAI_API_KEY" in done.stdout


def test_an_unknown_model_is_told_in_words_of_the_command_line(wye: Wye) -> None:
    assert "'wye models'" in wye("chat", "hi", "-m", "zzzzzzzzzzzz").stderr
