"""The `llm` command, told of the gateway as its documentation says: by a file of further models."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.gateway import PATIENCE, Running, environment, serving

pytestmark = pytest.mark.clients

ADMIN_KEY = "wye-admin-0123456789abcdefghij"
Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def llm(tmp_path: Path) -> Callable[..., Ran]:
    """Return a function that runs `llm` for a gateway."""

    def run(gateway: Running, *arguments: str) -> Ran:
        (tmp_path / "extra-openai-models.yaml").write_text(
            "- model_id: wye\n"
            "  model_name: mock-fast\n"
            f"  api_base: {gateway.url}/v1\n"
            "  supports_tools: true\n"
            "  supports_schema: true\n"
        )
        return subprocess.run(
            [Path(sys.executable).with_name("llm"), "-m", "wye", *arguments],
            env={**environment(LLM_USER_PATH=str(tmp_path), LLM_LOAD_PLUGINS=""), "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_llm_prints_the_answer_and_its_usage(gateway: Running, llm: Callable[..., Ran], options: list[str]) -> None:
    ran = llm(gateway, "Hello there", "--usage", *options)
    assert (ran.returncode, ran.stdout) == (0, "Mock response\n"), ran.stderr
    assert "2 input, 2 output" in ran.stderr
    assert gateway.wait_line(stream=not options)["status"] == 200


def test_llm_goes_through_a_tool_loop(gateway: Running, llm: Callable[..., Ran]) -> None:
    function = "def weather(city: str) -> str:\n    'Tell the weather.'\n    return 'rain in ' + city"
    ran = llm(gateway, "How is the weather?", "--functions", function)
    assert (ran.returncode, ran.stdout.strip()) == (0, "The tool answered: rain in example"), ran.stderr


def test_llm_gets_an_answer_by_schema(gateway: Running, llm: Callable[..., Ran]) -> None:
    ran = llm(gateway, "Invent a dog", "--schema", "name, age int")
    assert (ran.returncode, ran.stdout.strip()) == (0, '{"name":"example","age":1}'), ran.stderr


def test_llm_needs_the_admin_key_where_there_is_one(llm: Callable[..., Ran]) -> None:
    with serving('[server]\nadmin_key = "env:KEY_OF_OURS"\n', environ={"KEY_OF_OURS": ADMIN_KEY}) as locked:
        refused = llm(locked, "Hello")
        assert refused.returncode == 1
        assert "401" in refused.stderr
        let_in = llm(locked, "Hello", "--key", ADMIN_KEY)
        assert (let_in.returncode, let_in.stdout) == (0, "Mock response\n"), let_in.stderr
