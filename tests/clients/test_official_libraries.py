"""The providers' own client libraries understand the imitated wires, so what Wye says to these it could say to those.

Each library asks for an answer, a stream and a tool call, and its own types hold what came back.
"""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import boto3
import botocore.config
import cohere
import httpx
import mistralai.client
import ollama
import openai
import pytest
from google import genai
from google.genai import types as google
from tests.support.callers.talk import TIME, WEATHER
from tests.support.imitation import KEY, Imitation

pytestmark = pytest.mark.clients

ASK = 'go\ncall get_weather {"city": "Paris"}'
PARIS = {"city": "Paris"}
OPENAI_TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
HELLO: Any = [{"role": "user", "content": "hello there"}]
DIRECTED: Any = [{"role": "user", "content": ASK}]


@pytest.fixture(scope="module")
def imitation() -> Iterator[Imitation]:
    with Imitation() as running:
        yield running


def test_openais_chat_completions(imitation: Imitation) -> None:
    with openai.OpenAI(base_url=imitation.mount("a", "openai_chat"), api_key=KEY, max_retries=0) as client:
        told = client.chat.completions.create(model="m", messages=HELLO)
        assert told.choices[0].message.content == "echo: hello there"
        with client.chat.completions.stream(model="m", messages=DIRECTED, tools=[OPENAI_TOOL]) as stream:
            final = stream.get_final_completion()
        assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == PARIS  # type: ignore[index]
        with pytest.raises(openai.BadRequestError, match="Invalid value"):
            client.chat.completions.create(model="m", messages=[{"role": "sage", "content": "hi"}])  # type: ignore[list-item, misc]


def test_openais_responses(imitation: Imitation) -> None:
    tool: Any = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": False}
    with openai.OpenAI(base_url=imitation.mount("b", "openai_responses"), api_key=KEY, max_retries=0) as client:
        told = client.responses.create(model="m", input="hello there", reasoning={"effort": "low"})
        assert told.output_text == "echo: hello there"
        with client.responses.stream(model="m", input=ASK, tools=[tool]) as stream:
            final = stream.get_final_response()
        call = final.output[0]
        assert call.type == "function_call"
        assert json.loads(call.arguments) == PARIS
        with pytest.raises(openai.BadRequestError, match="No tool call found"):
            client.responses.create(model="m", input=[{"type": "function_call_output", "call_id": "x", "output": "y"}])


def test_anthropics_messages(imitation: Imitation) -> None:
    tool: Any = {"name": "get_weather", "input_schema": WEATHER}
    with anthropic.Anthropic(base_url=imitation.mount("c", "anthropic_messages"), api_key=KEY, max_retries=0) as client:
        told = client.messages.create(model="m", max_tokens=100, messages=HELLO)
        assert told.content[0].text == "echo: hello there"  # type: ignore[union-attr]
        thinking: Any = {"type": "enabled", "budget_tokens": 1024}
        asked: Any = {"model": "m", "max_tokens": 4000, "messages": DIRECTED, "tools": [tool], "thinking": thinking}
        with client.messages.stream(**asked) as stream:
            final = stream.get_final_message()
        assert [block.type for block in final.content] == ["thinking", "tool_use"]
        assert final.content[1].input == PARIS  # type: ignore[union-attr]
        forged: Any = [*HELLO, {"role": "assistant", "content": [{**final.content[0].model_dump(), "signature": "x"}]}]
        with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
            client.messages.create(model="m", max_tokens=100, messages=[*forged, *HELLO])


def test_googles_generate_content(imitation: Imitation) -> None:
    options = google.HttpOptions(base_url=imitation.mount("d", "gemini"))
    declared = google.FunctionDeclaration(name="get_weather", parameters_json_schema=WEATHER)
    config = google.GenerateContentConfig(tools=[google.Tool(function_declarations=[declared])])
    with genai.Client(api_key=KEY, http_options=options) as client:
        told = client.models.generate_content(model="gemini-3-pro", contents="hello there")
        assert told.text == "echo: hello there"
        chunks = list(client.models.generate_content_stream(model="gemini-3-pro", contents=ASK, config=config))
        (call,) = [call for chunk in chunks for call in chunk.function_calls or []]
        assert call.args == PARIS
        unsigned = google.Content(role="model", parts=[google.Part(function_call=call)])
        answer = google.Part.from_function_response(name="get_weather", response={"result": "21"})
        history = [google.Content(role="user", parts=[google.Part(text=ASK)]), unsigned]
        with pytest.raises(genai.errors.ClientError, match="missing a thought_signature"):
            client.models.generate_content(
                model="gemini-3-pro", contents=[*history, google.Content(role="user", parts=[answer])], config=config
            )


def test_amazons_converse(imitation: Imitation) -> None:
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=imitation.mount("e", "bedrock_converse"),
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="example",
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )
    hello = [{"role": "user", "content": [{"text": "hello there"}]}]
    told = client.converse(modelId="some.model-v1:0", messages=hello)
    assert told["output"]["message"]["content"] == [{"text": "echo: hello there"}]
    assert imitation.heard[-1].model == "some.model-v1:0"
    tools = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": WEATHER}}}]}
    directed = [{"role": "user", "content": [{"text": ASK}]}]
    answer = client.converse_stream(modelId="m", messages=directed, toolConfig=tools)
    events = list(answer["stream"])
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert json.loads("".join(delta["toolUse"]["input"] for delta in deltas)) == PARIS
    assert events[-1]["metadata"]["usage"]["totalTokens"] > 0
    with pytest.raises(client.exceptions.ValidationException, match="alternate"):
        client.converse(modelId="m", messages=[*hello, *hello])
    client.close()


def test_coheres_chat(imitation: Imitation) -> None:
    http = httpx.Client()
    client = cohere.ClientV2(api_key=KEY, base_url=imitation.mount("f", "cohere_chat"), httpx_client=http)
    told = client.chat(model="m", messages=HELLO)
    assert told.message.content[0].text == "echo: hello there"  # type: ignore[index,union-attr]
    events = list(client.chat_stream(model="m", messages=DIRECTED, tools=[OPENAI_TOOL]))
    assert [event.type for event in events][0 :: len(events) - 1] == ["message-start", "message-end"]
    pieces = [event.delta.message.tool_calls.function.arguments for event in events if event.type == "tool-call-delta"]  # type: ignore[union-attr]
    assert json.loads("".join(pieces)) == PARIS  # type: ignore[arg-type]
    with pytest.raises(cohere.BadRequestError, match="tool_call_id not found"):
        client.chat(model="m", messages=[{"role": "tool", "tool_call_id": "x", "content": "y"}])  # type: ignore[list-item]
    http.close()


def test_mistrals_chat(imitation: Imitation) -> None:
    """Mistral speaks OpenAI's wire."""
    with mistralai.client.Mistral(api_key=KEY, server_url=imitation.mount("g", "openai_chat")) as client:
        told = client.chat.complete(model="m", messages=HELLO)
        assert told.choices[0].message.content == "echo: hello there"
        called = client.chat.complete(model="m", messages=DIRECTED, tools=[OPENAI_TOOL])
        (call,) = called.choices[0].message.tool_calls
        assert json.loads(str(call.function.arguments)) == PARIS
        with client.chat.stream(model="m", messages=HELLO) as stream:
            pieces = [event.data.choices[0].delta.content for event in stream]
        assert "".join(str(piece or "") for piece in pieces) == "echo: hello there"


def test_ollamas_chat(imitation: Imitation) -> None:
    client = ollama.Client(host=imitation.mount("h", "ollama_chat"))
    told = client.chat(model="m", messages=HELLO, think=True)
    assert (told.message.content, told.message.thinking) == ("echo: hello there", "pondering hello there")
    tool: Any = {"type": "function", "function": {"name": "get_time", "parameters": TIME}}
    parts = list(client.chat(model="m", messages=DIRECTED, tools=[OPENAI_TOOL, tool], stream=True))
    calls = [call for part in parts for call in part.message.tool_calls or []]
    assert [call.function.arguments for call in calls] == [PARIS]
    with pytest.raises(ollama.ResponseError, match="invalid role"):
        client.chat(model="m", messages=[{"role": "sage", "content": "hi"}])
    client._client.close()
