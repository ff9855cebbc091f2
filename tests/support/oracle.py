"""An independent reading of recorded answers: from a provider's raw bytes to what a caller must see.

Nothing here imports Wye. The reading is in OpenAI's chat form, for every wire alike, with these rules:

- **usage**: input includes tokens read from and written to a cache, output includes reasoning. No counts at all is
  `None`, never zero. Where a chat provider's `total_tokens` exceeds the sum of its parts, the difference is audio
  input if its details say just as much (Mistral's Voxtral), and otherwise reasoning kept out of `completion_tokens`
  (Gemini's OpenAI layer, xAI).
- **tool calls**: the caller's own only, not the tools a provider runs by itself. Blank arguments read as `{}`, broken
  ones as the raw string. A blank id is no id. OpenAI's first, single `function_call` is a tool call without an id.
- **finish reason**: in OpenAI's words, by the tables below; `None` where the wire never gave one.
- **Cohere's usage** is what it bills: the rest of its `tokens` is a preamble of its own that nobody pays.
- **error**: the message of an error that came inside an answer with status 200.

A stream and a single document are read by the same code: both are a list of JSON documents.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.support.frames import frames
from tests.support.recordings import Wire

Document: TypeAlias = dict[str, Any]


@dataclass
class ExpectedToolCall:
    """One call of the caller's tool; `arguments` is decoded, or the raw string where that is impossible."""

    id: str | None
    name: str
    arguments: object


@dataclass
class ExpectedChoice:
    """One answer, in full."""

    index: int = 0
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: list[ExpectedToolCall] = field(default_factory=list)
    finish_reason: str | None = None


@dataclass(frozen=True)
class ExpectedUsage:
    """Tokens; input includes cache reads and writes, output includes reasoning."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class Expected:
    """What a caller must see: choices by index, usage if the wire told it, an error inside a 200 if there was one."""

    choices: list[ExpectedChoice]
    usage: ExpectedUsage | None
    error: str | None = None


def expect(wire: Wire, body: bytes, streamed: bool) -> Expected:  # noqa: FBT001  # reads like the recording's own field
    """Read one recorded answer."""
    if wire == "bedrock_converse":
        return _converse(body, streamed=streamed)
    documents = stream_documents(body) if streamed else [json.loads(body)]
    match wire:
        case "openai_chat":
            # Perplexity sends both in a stream, where its `message` is all the text so far.
            return _chat(documents, said_in="delta" if streamed else "message")
        case "openai_responses":
            return _responses(documents)
        case "anthropic_messages":
            return _anthropic(documents)
        case "gemini":
            return _gemini(documents)
        case "cohere_chat":
            return _cohere(documents)
        case _:
            return _ollama(documents)


def arguments_of(written: str | None) -> object:
    """Decode a tool call's arguments as this module does, to compare an adapter's with."""
    if not written or not written.strip():
        return {}
    try:
        return json.loads(written)
    except json.JSONDecodeError:
        return written


# --- Streams: server-sent events, lines of JSON, or one JSON array ---


def stream_documents(body: bytes) -> list[Document]:
    """Decode a streamed body into its documents, up to `[DONE]` or to where the recording was cut."""
    text = body.decode("utf-8-sig", errors="replace")  # a cut may fall inside a character
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    found = []
    for payload in _lines_of_json(text) if text.lstrip().startswith("{") else _events(text):
        if payload.strip() == "[DONE]":
            break
        try:
            found.append(json.loads(payload))
        except json.JSONDecodeError:
            # Only the end of a recording may be broken: it was cut there.
            break
    return found


def _lines_of_json(text: str) -> Iterable[str]:
    return (line for line in text.split("\n") if line.strip())


def _events(text: str) -> Iterable[str]:
    """Yield the data of each event, as the HTML standard describes them; the last one needs no blank line behind it."""
    data: list[str] = []
    for line in re.split(r"\r\n|\n|\r", text):
        if not line and data:
            yield "\n".join(data)
            data = []
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
    if data:
        yield "\n".join(data)


# --- OpenAI chat, and everyone who imitates it ---

_CHAT_FINISH = {
    "function_call": "tool_calls",  # OpenAI's first form of it
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Z.AI
    "sensitive": "content_filter",  # Z.AI
    "insufficient_system_resource": "length",  # DeepSeek: the answer was broken off
    "network_error": "length",  # Z.AI: likewise
    "error": "length",  # Mistral, OpenRouter: likewise
}


def _chat(documents: list[Document], *, said_in: str) -> Expected:
    choices: dict[int, ExpectedChoice] = {}
    calls: dict[int, dict[int, Document]] = {}
    usage = error = None
    for document in documents:
        error = _error_of(document) or error
        usage = document.get("usage") or (document.get("x_groq") or {}).get("usage") or usage
        for wire_choice in document.get("choices") or []:
            index = wire_choice.get("index", 0)
            choice = choices.setdefault(index, ExpectedChoice(index))
            _chat_message(wire_choice.get(said_in) or {}, choice, calls.setdefault(index, {}))
            reason = wire_choice.get("finish_reason")
            if reason:
                choice.finish_reason = _CHAT_FINISH.get(reason, reason)
    for index, choice in choices.items():
        choice.tool_calls = [
            ExpectedToolCall(call["id"] or None, call["name"], arguments_of(call["arguments"]))
            for _, call in sorted(calls[index].items())
        ]
    return Expected(_by_index(choices), usage and _chat_usage(usage), error)


def _chat_message(said: Document, choice: ExpectedChoice, calls: dict[int, Document]) -> None:
    content = said.get("content") or ""
    parts: list[Document] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for part in parts:
        if part["type"] == "text":
            choice.text += part["text"]
        elif part["type"] == "thinking":  # Mistral's Magistral
            choice.reasoning += "".join(thought.get("text", "") for thought in part["thinking"])
    choice.reasoning += said.get("reasoning_content") or said.get("reasoning") or ""
    choice.refusal += said.get("refusal") or ""
    legacy = said.get("function_call")
    for position, call in enumerate(said.get("tool_calls") or ([{"function": legacy}] if legacy else [])):
        function = call.get("function") or {}
        whole = calls.setdefault(call.get("index", position), {"id": "", "name": "", "arguments": ""})
        # Some repeat the id and the name with every fragment; only arguments come in fragments.
        whole["id"] = whole["id"] or call.get("id")
        whole["name"] = whole["name"] or function.get("name") or ""
        whole["arguments"] += function.get("arguments") or ""


def _chat_usage(usage: Document) -> ExpectedUsage:
    prompt_details = usage.get("prompt_tokens_details") or {}
    completion_details = usage.get("completion_tokens_details") or {}
    prompt = usage.get("prompt_tokens") or 0
    completion = usage.get("completion_tokens") or 0
    reasoning = completion_details.get("reasoning_tokens") or usage.get("reasoning_tokens") or 0
    hidden = max(0, (usage.get("total_tokens") or 0) - prompt - completion)
    if hidden and hidden == prompt_details.get("audio_tokens"):
        prompt += hidden
    elif hidden:
        completion += hidden
        reasoning = max(reasoning, hidden)
    return ExpectedUsage(
        input_tokens=prompt,
        output_tokens=completion,
        cache_read_tokens=_first(
            prompt_details.get("cached_tokens"),
            usage.get("prompt_cache_hit_tokens"),  # DeepSeek
            usage.get("cached_tokens"),  # behind Hugging Face's router
            usage.get("num_cached_tokens"),  # Mistral
        ),
        cache_write_tokens=_first(
            prompt_details.get("cache_write_tokens"),  # OpenAI, OpenRouter
            usage.get("cache_creation_input_tokens"),
        ),
        reasoning_tokens=reasoning,
    )


# --- OpenAI responses, and everyone who imitates it ---


def _responses(documents: list[Document]) -> Expected:
    """Read the last response of a stream, which repeats all of it; the pieces before it are read as well and compared.

    A stream that was cut, or failed, has pieces only.
    """
    last: Document | None = None
    items: dict[int, Document] = {}
    error = None
    for document in documents:
        if "type" not in document:
            last = document
        elif document["type"] in {"response.completed", "response.incomplete"}:
            last = document["response"]
        elif document["type"] in {"error", "response.failed"}:
            error = _error_of(document.get("response") or {"error": document})
        else:
            _responses_piece(document, items)
    streamed = [item for _, item in sorted(items.items())]
    if last is None:
        return Expected([_responses_choice(streamed, None)] if streamed else [], None, error)
    error = _error_of(last) or error
    if "output" not in last:
        return Expected([], None, error)
    choice = _responses_choice(last["output"], last)
    if streamed and len(streamed) == len(last["output"]):
        said = _responses_choice(streamed, last)
        assert (said.text, said.reasoning) == (choice.text, choice.reasoning), "the wire contradicts itself"
    return Expected([choice], last.get("usage") and _responses_usage(last["usage"]), error)


def _responses_piece(document: Document, items: dict[int, Document]) -> None:
    """Take the pieces of text and thoughts together as if they were an item's parts."""
    at = document.get("output_index", 0)
    match document["type"]:
        case "response.output_item.added":
            items[at] = {**document["item"], "content": [], "summary": []}
        case "response.output_text.delta" | "response.reasoning_text.delta" | "response.refusal.delta":
            kind = document["type"].removeprefix("response.").removesuffix(".delta")
            member = {"refusal": "refusal"}.get(kind, "text")
            _piece(items[at]["content"], document["content_index"], kind)[member] += document["delta"]
        case "response.reasoning_summary_text.delta":
            _piece(items[at]["summary"], document["summary_index"], "summary_text")["text"] += document["delta"]
        case "response.function_call_arguments.done":
            items[at]["arguments"] = document["arguments"]


def _piece(pieces: list[Document], at: int, kind: str) -> Document:
    while len(pieces) <= at:
        pieces.append({"type": kind, "text": "", "refusal": ""})
    return pieces[at]


def _responses_choice(items: list[Document], response: Document | None) -> ExpectedChoice:
    choice = ExpectedChoice()
    for item in items:
        match item["type"]:
            case "message" if item.get("role", "assistant") == "assistant":
                for part in item["content"]:
                    choice.text += part.get("text") or ""
                    choice.refusal += part.get("refusal") or ""
            case "reasoning":
                # A summary's parts are paragraphs.
                choice.reasoning += "".join(part["text"] for part in item.get("content") or [])
                choice.reasoning += "\n\n".join(part["text"] for part in item.get("summary") or [])
            case "function_call":
                call = ExpectedToolCall(item["call_id"], item["name"], arguments_of(item["arguments"]))
                choice.tool_calls.append(call)
    if response is not None:
        choice.finish_reason = _responses_finish(response, called=bool(choice.tool_calls))
    return choice


def _responses_finish(response: Document, *, called: bool) -> str | None:
    match response.get("status"):
        case "queued" | "in_progress":
            return None  # it goes on in the background
        case "incomplete":
            reason = (response.get("incomplete_details") or {}).get("reason")
            return "content_filter" if reason == "content_filter" else "length"
    return "tool_calls" if called else "stop"


def _responses_usage(usage: Document) -> ExpectedUsage:
    given = usage.get("input_tokens_details") or {}
    return ExpectedUsage(
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        cache_read_tokens=given.get("cached_tokens") or 0,
        cache_write_tokens=given.get("cache_write_tokens") or 0,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
    )


# --- Anthropic messages ---

_ANTHROPIC_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def _anthropic(documents: list[Document]) -> Expected:
    message: Document | None = None
    blocks: dict[int, Document] = {}
    error = None
    for document in documents:
        match document:
            case {"type": "message"}:
                message = document
                blocks = dict(enumerate(document["content"]))
            case {"type": "message_start"}:
                message = dict(document["message"])
            case {"type": "content_block_start"}:
                blocks[document["index"]] = dict(document["content_block"])
            case {"type": "content_block_delta"}:
                _anthropic_delta(blocks[document["index"]], document["delta"])
            case {"type": "message_delta"} if message is not None:
                message["stop_reason"] = document["delta"].get("stop_reason")
                final = {name: value for name, value in (document.get("usage") or {}).items() if value is not None}
                message["usage"] = (message.get("usage") or {}) | final
            case _:
                error = _error_of(document) or error
    if message is None:
        return Expected([], None, error)
    choice = ExpectedChoice(finish_reason=_mapped(message.get("stop_reason"), _ANTHROPIC_FINISH))
    for _, block in sorted(blocks.items()):
        _anthropic_block(block, choice)
    usage = message.get("usage")
    return Expected([choice], usage and _anthropic_usage(usage), error)


def _anthropic_delta(block: Document, delta: Document) -> None:
    match delta:
        case {"type": "text_delta"}:
            block["text"] += delta["text"]
        case {"type": "thinking_delta"}:
            block["thinking"] += delta["thinking"]
        case {"type": "input_json_delta"}:
            block["partial_json"] = block.get("partial_json", "") + delta["partial_json"]


def _anthropic_block(block: Document, choice: ExpectedChoice) -> None:
    match block:
        case {"type": "text"}:
            choice.text += block["text"]
        case {"type": "thinking"}:
            choice.reasoning += block["thinking"]
        case {"type": "tool_use"}:
            written = block.get("partial_json")
            arguments = arguments_of(written) if written else block["input"]
            choice.tool_calls.append(ExpectedToolCall(block["id"], block["name"], arguments))


def _anthropic_usage(usage: Document) -> ExpectedUsage:
    # An answer may have taken several runs of models, a compaction say, and all of them are charged.
    runs = usage.get("iterations") or [usage]
    if all(run.get("type") == "message" for run in runs):
        runs = [usage]
    read = sum(run.get("cache_read_input_tokens") or 0 for run in runs)
    written = sum(run.get("cache_creation_input_tokens") or 0 for run in runs)
    return ExpectedUsage(
        input_tokens=sum(run.get("input_tokens") or 0 for run in runs) + read + written,
        output_tokens=sum(run.get("output_tokens") or 0 for run in runs),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )


# --- Gemini ---

_GEMINI_FILTERED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)

_GEMINI_BROKEN = frozenset(
    {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"}
)

# Google's gRPC clients ask for enumerations as numbers (`$alt=json;enum-encoding=int`).
_GEMINI_NUMBERED = {
    1: "STOP",
    2: "MAX_TOKENS",
    3: "SAFETY",
    4: "RECITATION",
    5: "OTHER",
    6: "BLOCKLIST",
    7: "PROHIBITED_CONTENT",
    8: "SPII",
}


def _gemini(documents: list[Document]) -> Expected:
    choices: dict[int, ExpectedChoice] = {}
    reasons: dict[int, str] = {}
    usage = error = blocked = None
    for document in documents:
        error = _error_of(document) or error
        blocked = (document.get("promptFeedback") or {}).get("blockReason") or blocked
        usage = _gemini_usage(document.get("usageMetadata") or {}) or usage
        for candidate in document.get("candidates") or []:
            index = candidate.get("index", 0)
            choice = choices.setdefault(index, ExpectedChoice(index))
            for part in (candidate.get("content") or {}).get("parts") or []:
                _gemini_part(part, choice)
            reason = candidate.get("finishReason")
            if reason:
                reasons[index] = _GEMINI_NUMBERED.get(reason, reason)
    for index, reason in reasons.items():
        choices[index].finish_reason = _gemini_finish(reason, called=bool(choices[index].tool_calls))
    if blocked and not choices:
        choices[0] = ExpectedChoice(finish_reason="content_filter")
    return Expected(_by_index(choices), usage, error)


def _gemini_part(part: Document, choice: ExpectedChoice) -> None:
    match part:
        case {"text": str(text), "thought": True}:
            choice.reasoning += text
        case {"text": str(text)}:
            choice.text += text
        case {"functionCall": {"name": str(name)} as call}:
            choice.tool_calls.append(ExpectedToolCall(call.get("id") or None, name, call.get("args") or {}))


def _gemini_finish(reason: str, *, called: bool) -> str:
    if reason == "STOP" and called:
        return "tool_calls"
    if reason == "MAX_TOKENS" or reason in _GEMINI_BROKEN:
        return "length"
    return "content_filter" if reason in _GEMINI_FILTERED else "stop"


def _gemini_usage(usage: Document) -> ExpectedUsage | None:
    # A refused prompt and the first chunks of a stream may carry metadata without any count.
    if not any(name.endswith("TokenCount") for name in usage):
        return None
    reasoning = usage.get("thoughtsTokenCount") or 0
    return ExpectedUsage(
        input_tokens=(usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0),
        output_tokens=(usage.get("candidatesTokenCount") or 0) + reasoning,
        cache_read_tokens=usage.get("cachedContentTokenCount") or 0,
        reasoning_tokens=reasoning,
    )


# --- Cohere ---

_COHERE_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}


def _cohere(documents: list[Document]) -> Expected:
    choice = ExpectedChoice()
    calls: dict[int, Document] = {}
    usage = error = None
    for document in documents:
        if isinstance(document.get("message"), str):  # a refusal
            return Expected([], None, document["message"])
        if "type" not in document:  # a whole answer
            _cohere_whole(document, choice, calls)
            end = document
        else:
            end = document.get("delta") or {}
            _cohere_event(document, (end.get("message") or {}), choice, calls)
        error = end.get("error") or error
        usage = _cohere_usage(end.get("usage") or {}) or usage
        choice.finish_reason = _mapped(end.get("finish_reason"), _COHERE_FINISH) or choice.finish_reason
    choice.tool_calls = [
        ExpectedToolCall(call["id"], call["name"], arguments_of(call["arguments"])) for _, call in sorted(calls.items())
    ]
    if error is not None:
        reason = next(end["error_type"] for end in (d.get("delta") or d for d in documents) if "error_type" in end)
        choice.finish_reason, error = None, f"{error} ({reason})"
    nothing = error is not None and choice == ExpectedChoice()
    return Expected([] if nothing else [choice], usage, error)


def _cohere_whole(document: Document, choice: ExpectedChoice, calls: dict[int, Document]) -> None:
    message = document["message"]
    choice.reasoning += message.get("tool_plan") or ""
    for block in message.get("content") or []:
        choice.text += block.get("text") or ""
        choice.reasoning += block.get("thinking") or ""
    for at, call in enumerate(message.get("tool_calls") or []):
        calls[at] = {"id": call["id"], **call["function"]}


def _cohere_event(document: Document, message: Document, choice: ExpectedChoice, calls: dict[int, Document]) -> None:
    match document["type"]:
        case "content-start" | "content-delta":
            choice.text += message["content"].get("text") or ""
            choice.reasoning += message["content"].get("thinking") or ""
        case "tool-plan-delta":
            choice.reasoning += message["tool_plan"]
        case "tool-call-start":
            call = message["tool_calls"]
            calls[document["index"]] = {"id": call["id"], "arguments": "", **call["function"]}
        case "tool-call-delta":
            calls[document["index"]]["arguments"] += message["tool_calls"]["function"]["arguments"]


def _cohere_usage(usage: Document) -> ExpectedUsage | None:
    """Read what is billed; the cache begins with the preamble, which is not."""
    if not usage:
        return None
    billed, tokens = usage["billed_units"], usage["tokens"]
    free = tokens["input_tokens"] + tokens.get("image_tokens", 0) - billed["input_tokens"]
    cached = (usage.get("cached_tokens") or 0) - max(free, 0)
    return ExpectedUsage(
        input_tokens=billed["input_tokens"],
        output_tokens=billed["output_tokens"],
        cache_read_tokens=max(0, min(cached, billed["input_tokens"])),
        reasoning_tokens=min(tokens.get("reasoning_tokens", 0), billed["output_tokens"]),
    )


# --- Ollama ---


def _ollama(documents: list[Document]) -> Expected:
    choice = ExpectedChoice()
    usage = error = None
    for document in documents:
        error = _error_of(document) or error
        said = document.get("message") or {}
        choice.text += said.get("content") or ""
        choice.reasoning += said.get("thinking") or ""
        for call in said.get("tool_calls") or []:
            function = call["function"]
            arguments = function.get("arguments") or {}
            choice.tool_calls.append(ExpectedToolCall(call.get("id") or None, function["name"], arguments))
        if "eval_count" in document or "prompt_eval_count" in document:
            # A prompt answered from the cache alone has no count.
            usage = ExpectedUsage(document.get("prompt_eval_count") or 0, document.get("eval_count") or 0)
        if document.get("done"):
            choice.finish_reason = _ollama_finish(document.get("done_reason"), called=bool(choice.tool_calls))
    said_anything = any("message" in document for document in documents)
    return Expected([choice] if said_anything else [], usage, error)


def _ollama_finish(reason: str | None, *, called: bool) -> str:
    if reason == "length":
        return "length"
    return "tool_calls" if called else "stop"


# --- Bedrock Converse ---

_CONVERSE_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "malformed_model_output": "length",
    "malformed_tool_use": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def _converse(body: bytes, *, streamed: bool) -> Expected:
    answer = _converse_assembled(body) if streamed else json.loads(body)
    if "output" not in answer:
        return Expected([], None, answer["message"])
    choice = ExpectedChoice(finish_reason=_mapped(answer.get("stopReason"), _CONVERSE_FINISH))
    for block in answer["output"]["message"]["content"]:
        match block:
            case {"text": str(text)}:
                choice.text += text
            case {"citationsContent": {"content": list(pieces)}}:
                choice.text += "".join(piece["text"] for piece in pieces)
            case {"reasoningContent": {"reasoningText": thought}}:
                choice.reasoning += thought["text"]
            case {"toolUse": {"type": "server_tool_use"}}:
                pass
            case {"toolUse": call}:
                choice.tool_calls.append(ExpectedToolCall(call["toolUseId"], call["name"], call["input"]))
    counted = answer.get("usage")
    return Expected([choice], counted and _converse_usage(counted), answer.get("error"))


def _converse_assembled(body: bytes) -> Document:
    """Put the frames of a stream together to what the answer would have been."""
    blocks: dict[int, Document] = {}
    answer: Document = {}
    for name, payload in frames(body):
        document = json.loads(payload)
        index = document.get("contentBlockIndex", 0)
        match name:
            case "contentBlockStart":
                blocks[index] = {kind: {**start, "input": ""} for kind, start in document["start"].items()}
            case "contentBlockDelta":
                _converse_piece(blocks.setdefault(index, {}), document["delta"])
            case "messageStop" | "metadata":
                answer |= document
            case str() if name.endswith("Exception"):
                answer["error"] = document["message"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = arguments_of(block["toolUse"]["input"])
    return answer | {"output": {"message": {"content": [block for _, block in sorted(blocks.items())]}}}


def _converse_piece(block: Document, delta: Document) -> None:
    match delta:
        case {"text": str(text)}:
            block["text"] = block.get("text", "") + text
        case {"reasoningContent": {"text": str(text)}}:
            thought = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
            thought["text"] += text
        case {"toolUse": {"input": str(text)}}:
            block["toolUse"]["input"] += text


def _converse_usage(usage: Document) -> ExpectedUsage:
    read = usage.get("cacheReadInputTokens") or 0
    written = usage.get("cacheWriteInputTokens") or 0
    # Which of the two the count of input means, its total tells: it leaves the cache out.
    assert usage["inputTokens"] + read + written + usage["outputTokens"] == usage["totalTokens"]
    return ExpectedUsage(
        input_tokens=usage["inputTokens"] + read + written,
        output_tokens=usage["outputTokens"],
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


# --- For all of them ---


def _error_of(document: Document) -> str | None:
    error = document.get("error")
    if not error:
        return None
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)


def _mapped(reason: str | None, table: dict[str, str]) -> str | None:
    return table.get(reason, "stop") if reason else None


def _first(*counts: int | None) -> int:
    return next((count for count in counts if count is not None), 0)


def _by_index(choices: dict[int, ExpectedChoice]) -> list[ExpectedChoice]:
    return [choice for _, choice in sorted(choices.items())]
