"""Programs that speak OpenAI's wire work against the gateway: LangChain, the `llm` command, Vercel's AI SDK."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from tests.support.gateway import PATIENCE, Running, environment

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent


# --- LangChain ---


@tool
def capital(country: str) -> str:
    """Say the capital of a country."""
    return f"Paris is the capital of {country}"


@pytest.fixture
def chain(gateway: Running) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=pydantic.SecretStr("unused"),
        model="mock-fast",
        stream_usage=True,
        max_retries=0,
    )


def test_langchain_invokes(chain: ChatOpenAI) -> None:
    told = chain.invoke("one two three")
    assert told.content == "Mock response"
    assert told.usage_metadata is not None
    assert (told.usage_metadata["input_tokens"], told.usage_metadata["output_tokens"]) == (3, 2)


def test_langchain_streams(chain: ChatOpenAI) -> None:
    pieces = list(chain.stream("one two three"))
    assert "".join(str(piece.content) for piece in pieces) == "Mock response"
    usages = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
    assert sum(usage["total_tokens"] for usage in usages) == 5


async def test_langchain_streams_asynchronously(chain: ChatOpenAI) -> None:
    assert "".join([str(piece.content) async for piece in chain.astream("Hi")]) == "Mock response"


def test_langchain_calls_a_tool(chain: ChatOpenAI) -> None:
    able = chain.bind_tools([capital])
    messages: list[BaseMessage] = [HumanMessage("Ask capital about France.")]
    first = able.invoke(messages)
    assert isinstance(first, AIMessage)
    (call,) = first.tool_calls
    assert (call["name"], call["args"]) == ("capital", {"country": "example"})
    answered = capital.invoke(call)
    assert isinstance(answered, ToolMessage)
    last = able.invoke([*messages, first, answered])
    assert last.content == "The tool answered: Paris is the capital of example"


def test_langchain_fills_in_a_shape(chain: ChatOpenAI) -> None:
    class City(pydantic.BaseModel):
        """A city."""

        name: str
        inhabitants: int

    assert chain.with_structured_output(City).invoke("A city?") == City(name="example", inhabitants=1)


# --- The llm command ---


@pytest.fixture
def llm(gateway: Running, tmp_path: Path) -> Any:
    """Return a function that runs the `llm` command with the gateway as one of its models."""
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: wye\n  model_name: mock-fast\n  api_base: {gateway.url}/v1\n"
        "  supports_tools: true\n  supports_schema: true\n"
    )

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("llm")), *arguments],
            env={**environment(LLM_USER_PATH=str(tmp_path)), "PYTHONWARNINGS": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("arguments", [(), ("--no-stream",)])
def test_llm_answers(llm: Any, arguments: tuple[str, ...]) -> None:
    assert llm("-m", "wye", "one two three", *arguments) == "Mock response\n"


def test_llm_tells_usage(llm: Any) -> None:
    llm("-m", "wye", "one two three")
    told = json.loads(llm("logs", "--json", "-n", "1"))
    assert (told[0]["input_tokens"], told[0]["output_tokens"]) == (3, 2)


def test_llm_calls_a_tool(llm: Any) -> None:
    code = "def capital(country: str) -> str:\n    return 'Paris is the capital of ' + country\n"
    assert llm("-m", "wye", "Ask capital.", "--functions", code) == (
        "The tool answered: Paris is the capital of example\n"
    )


def test_llm_fills_in_a_shape(llm: Any) -> None:
    assert json.loads(llm("-m", "wye", "A city?", "--schema", "name, inhabitants int")) == {
        "name": "example",
        "inhabitants": 1,
    }


# --- Vercel's AI SDK ---

NODE, NPM = shutil.which("node"), shutil.which("npm")
NO_NETWORK = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH")
needs_node = pytest.mark.skipif(not (NODE and NPM), reason="Vercel's AI SDK left out: no Node.js with npm here")


@pytest.fixture(scope="module")
def sdk() -> Path:
    """Return the folder the SDK is installed in, at the versions of the lock file."""
    folder = HERE / ".cache" / "vercel"
    lock = (HERE / "vercel" / "package-lock.json").read_bytes()
    shutil.copytree(HERE / "vercel", folder, dirs_exist_ok=True)
    mark = folder / "node_modules" / ".installed"
    if not mark.exists() or mark.read_bytes() != lock:
        assert NPM is not None
        done = subprocess.run(
            [NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode and NO_NETWORK.search(done.stderr):
            pytest.skip(f"Vercel's AI SDK left out: npm reaches no registry: {done.stderr.splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        mark.write_bytes(lock)
    return folder


def talk(sdk: Path, gateway: Running, what: str) -> Any:
    assert NODE is not None
    done = subprocess.run(
        [NODE, "talk.mjs", f"{gateway.url}/v1", what],
        cwd=sdk,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("generate", {"text": "Mock response", "finishReason": "stop", "input": 3, "output": 2}),
        ("stream", {"pieces": ["Mock", " response"], "finishReason": "stop", "input": 3, "output": 2}),
        (
            "generate-tool",
            {
                "text": "The tool answered: Paris is the capital of example",
                "calls": [{"toolName": "capital", "input": {"country": "example"}}],
            },
        ),
        (
            "stream-tool",
            {
                "text": "The tool answered: Paris is the capital of example",
                "kinds": ["tool-input-start", "tool-input-delta", "tool-input-end", "tool-call", "tool-result"],
            },
        ),
        ("object", {"city": "example", "inhabitants": 1.5}),
        (
            "error",
            {
                "name": "AI_APICallError",
                "status": 404,
                "message": "there is no model 'none-such'; near names: 'wye models' and GET /v1/models list them",
                "retryable": False,
            },
        ),
    ],
)
def test_vercels_sdk_talks(sdk: Path, gateway: Running, what: str, told: Any) -> None:
    assert talk(sdk, gateway, what) == told
