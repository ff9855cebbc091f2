"""What programs meet beyond the plain answer: an admin key at the `llm` command, LangChain's calls in a stream."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr
from tests.support.gateway import PATIENCE, Running, environment, serving

pytestmark = pytest.mark.clients

ADMIN_KEY = "wye-admin-0123456789abcdefghij"


class Report(BaseModel):
    """The weather of a city."""

    city: str
    degrees: int


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"rain in {city}"


@pytest.fixture
def chain(gateway: Running) -> Iterator[ChatOpenAI]:
    with httpx.Client(timeout=PATIENCE) as http:
        yield ChatOpenAI(
            model="mock-fast",
            base_url=f"{gateway.url}/v1",
            api_key=SecretStr("none"),
            max_retries=0,
            http_client=http,
        )


def test_langchain_gets_a_demanded_call_in_a_stream(chain: ChatOpenAI) -> None:
    stream = chain.bind_tools([weather], tool_choice="weather").stream("Hello")
    whole = add_ai_message_chunks(*(cast("AIMessageChunk", piece) for piece in stream))
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [("weather", {"city": "example"})]
    assert whole.response_metadata["finish_reason"] == "tool_calls"


def test_langchain_fills_in_a_shape_by_a_call(chain: ChatOpenAI) -> None:
    shaped = chain.with_structured_output(Report, method="function_calling")
    assert shaped.invoke("Hello") == Report(city="example", degrees=1)


def test_llm_is_let_in_by_the_admin_key_only(tmp_path: Path) -> None:
    def llm(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("llm"), "-m", "wye", "Hello", *arguments],
            env={**environment(LLM_USER_PATH=str(tmp_path), LLM_LOAD_PLUGINS=""), "PYTHONWARNINGS": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    with serving('[server]\nadmin_key = "env:KEY_OF_OURS"\n', environ={"KEY_OF_OURS": ADMIN_KEY}) as locked:
        (tmp_path / "extra-openai-models.yaml").write_text(
            f"- model_id: wye\n  model_name: mock-fast\n  api_base: {locked.url}/v1\n  api_key_name: wye\n"
        )
        refused = llm("--key", "wrong")
        assert refused.returncode == 1
        assert "401" in refused.stderr
        let_in = llm("--key", ADMIN_KEY)
        assert (let_in.returncode, let_in.stdout) == (0, "Mock response\n"), let_in.stderr
