"""LangChain's ChatOpenAI: an answer, a stream and a tool loop."""

from collections.abc import Iterator

import httpx
import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from tests.support.gateway import PATIENCE, Running

pytestmark = pytest.mark.clients


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"rain in {city}"


class Report(BaseModel):
    """The weather of a city."""

    city: str
    degrees: int


@pytest.fixture(scope="module")
def model(gateway: Running) -> Iterator[ChatOpenAI]:
    with httpx.Client(timeout=PATIENCE) as http:
        yield ChatOpenAI(
            model="mock-fast",
            base_url=f"{gateway.url}/v1",
            api_key=lambda: "none",
            max_retries=0,
            stream_usage=True,
            http_client=http,
        )


def test_invoke_answers_with_text_and_usage(model: ChatOpenAI) -> None:
    answer = model.invoke([("system", "Be brief."), ("human", "Hello")])
    assert answer.content == "Mock response"
    assert answer.response_metadata["model_name"] == "mock/mock-fast"
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (4, 2)


def test_stream_adds_up_to_the_answer_and_its_usage(model: ChatOpenAI) -> None:
    chunks = [chunk for chunk in model.stream("Hello") if isinstance(chunk, AIMessageChunk)]
    assert [chunk.content for chunk in chunks if chunk.content] == ["Mock", " response"]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.content == "Mock response"
    assert whole.usage_metadata is not None
    assert (whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]) == (1, 2)


def test_a_bound_tool_is_called_and_its_result_answered(model: ChatOpenAI) -> None:
    bound = model.bind_tools([weather])
    messages: list[BaseMessage] = [HumanMessage("How is the weather?")]
    asked = bound.invoke(messages)
    (call,) = asked.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "example"})
    messages += [asked, weather.invoke(call)]
    assert bound.invoke(messages).content == "The tool answered: rain in example"


def test_a_bound_tool_is_called_in_a_stream(model: ChatOpenAI) -> None:
    chunks = list(model.bind_tools([weather], tool_choice="weather").stream("Hello"))
    calls = [call for chunk in chunks if isinstance(chunk, AIMessageChunk) for call in chunk.tool_calls]
    assert [(call["name"], call["args"]) for call in calls if call["name"]] == [("weather", {"city": "example"})]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_comes_by_schema_and_by_tool(model: ChatOpenAI, method: str) -> None:
    structured = model.with_structured_output(Report, method=method)  # type: ignore[arg-type]
    assert structured.invoke("Hello") == Report(city="example", degrees=1)
