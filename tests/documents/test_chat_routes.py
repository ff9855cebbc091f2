"""The documents' examples of the chat, the analytics chat and titles, as they are written there."""

import pytest
from tests.documents.conftest import Asked
from tests.support.gateway import Json
from tests.support.openai_wire import refusal
from tests.support.upstream import Reply, Upstream


def test_send_message_with_model_selection(gateway: Asked, behind: Upstream) -> None:
    """model-registry-guide.md, "Send Message with Model Selection"."""
    body = {
        "message": "Explain quantum computing",
        "provider": "gemini",
        "model": "gemini-1.5-pro",
        "options": {"maxTokens": 1000, "temperature": 0.7},
    }
    told = gateway.post("/api/chat/message", body).json
    assert told["success"] is True
    assert (told["response"], told["provider"], told["model"]) == (
        "from gemini: gemini-1.5-pro", "gemini", "gemini-1.5-pro",
    )  # fmt: skip
    asked = behind.received[-1].json["generationConfig"]
    assert (asked["maxOutputTokens"], asked["temperature"]) == (1000, 0.7)


def test_basic_usage_says_what_was_said_and_by_whom(gateway: Asked) -> None:
    """llm-abstraction-guide.md, "Basic Usage": `response.response`, `.provider`, `.model`."""
    told = gateway.post("/api/chat/message", {"message": "Hello, how are you?"}).json
    assert (told["response"], told["provider"], told["model"]) == (
        "from openai: gpt-4o-mini", "openai", "gpt-4o-mini",
    )  # fmt: skip


def test_the_main_chat_answers_model_id_and_messages(gateway: Asked) -> None:
    """providers-and-models-overview.md, "Main Chat Interface": `{ model_id, messages }`."""
    messages = [{"role": "user", "content": "What is 2+2?"}]
    for model_id, answer in {
        "openai-gpt-4o-mini": "from openai: gpt-4o-mini",
        "anthropic-claude-3.5-sonnet": "from anthropic: claude-3-5-sonnet-20241022",
        "ollama-llama3.1-8b": "from ollama: llama3.1:8b",
    }.items():
        told = gateway.post("/api/chat", {"model_id": model_id, "messages": messages})
        assert told.status == 200, told.body
        assert told.json["content"] == answer
        assert set(told.json["usage"]) == {"input_tokens", "output_tokens"}
        assert told.json["toolsCalled"] == []


@pytest.mark.parametrize(
    ("named", "answer"),
    [
        ("claude-3-5-sonnet-20241022", "from anthropic: claude-3-5-sonnet-20241022"),
        ("gpt-4o-mini", "from openai: gpt-4o-mini"),
    ],
)
def test_the_analytics_chat_finds_the_provider_by_the_models_name(gateway: Asked, named: str, answer: str) -> None:
    """providers-and-models-overview.md, "Analytics Chat": `getProviderForModel(messages[0].llm_model_id)`."""
    messages = [{"role": "user", "content": "How is training?", "llm_model_id": named}]
    assert gateway.post("/api/analytics/chat", {"messages": messages}).json["content"] == answer


def test_where_no_model_is_named_the_environment_decides(gateway: Asked, behind: Upstream) -> None:
    """providers-and-models-overview.md, "Environment Variable Fallback" and "Current Configuration"."""
    told = gateway.post("/api/chat", {"messages": [{"role": "user", "content": "Hi"}]}).json
    assert (told["provider"], told["model"]) == ("openai", "gpt-4o-mini")
    asked = behind.received[-1].json
    assert (asked["temperature"], asked.get("max_tokens") or asked["max_completion_tokens"]) == (0.7, 2000)


def test_a_title_is_a_short_answer_of_the_configured_model(gateway: Asked, behind: Upstream) -> None:
    """providers-and-models-overview.md, "Training Interface": at most 100 tokens of `config.openai.model`."""
    body = {"messages": [{"role": "user", "content": "How do I fine-tune?"}], "model": "openai/gpt-4o-mini"}
    told = gateway.post("/api/conversations/generate-title", body).json
    assert (told["title"], told["source"]) == ("from openai: gpt-4o-mini", "model")
    asked = behind.received[-1].json
    assert asked["model"] == "gpt-4o-mini"
    assert 100 in {asked.get("max_tokens"), asked.get("max_completion_tokens")}


def test_a_fine_tuned_model_is_added_and_asked_by_its_id(gateway: Asked, behind: Upstream) -> None:
    """providers-and-models-overview.md, "Example 5": `createModel`, then `chat(modelConfig.id, …)`."""
    made = gateway.post(
        "/api/models",
        {
            "name": "My Fine-Tuned Qwen",
            "provider": "vllm",
            "modelId": "Qwen/Qwen2.5-7B-Instruct",
            "baseUrl": f"{behind.url}/v1",
        },
    )
    assert made.status == 201, made.body
    messages = [{"role": "user", "content": "Test my fine-tuned model"}]
    told = gateway.post("/api/chat", {"model_id": made.json["id"], "messages": messages})
    assert told.status == 200, told.body
    assert told.json["content"] == "from openai: Qwen/Qwen2.5-7B-Instruct"
    assert gateway.running.request("DELETE", f"/api/models/{made.json['id']}").status == 204


def test_a_model_that_is_not_there_or_not_the_users_is_said_to_be_neither(gateway: Asked) -> None:
    """providers-and-models-overview.md, "Model not found": or access denied."""
    body = {"model_id": "model_0123456789abcdef", "messages": [{"role": "user", "content": "Hi"}]}
    refused = gateway.post("/api/chat", body)
    assert (refused.status, refused.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("model_id", "reply", "word"),
    [
        ("openai-gpt-4o-mini", refusal(429, "slow down", "rate_limit_exceeded"), "rate_limit"),
        (
            "anthropic-claude-3.5-sonnet",
            Reply.json({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529),
            "overloaded",
        ),
        (
            "vllm/custom-model",
            refusal(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
            "tool choice requires",
        ),
        ("openai-gpt-4o-mini", refusal(401, "Incorrect API key provided"), "key"),
        ("anthropic-claude-3.5-sonnet", refusal(401, "x-api-key header invalid"), "key"),
    ],
)
def test_errors_can_be_told_apart_by_the_words_the_documents_look_for(
    gateway: Asked, behind: Upstream, model_id: str, reply: Reply, word: str
) -> None:
    """providers-and-models-overview.md, "Error Handling" and "Troubleshooting"."""
    behind.handler = lambda _: reply
    refused = gateway.post("/api/chat", {"model_id": model_id, "messages": [{"role": "user", "content": "Hi"}]})
    assert refused.status >= 400
    told: Json = refused.error
    assert word in f"{told['code']} {told['type']} {told['message']}".lower()


def test_a_request_the_model_finds_too_long_is_answered_with_the_last_messages(
    gateway: Asked, behind: Upstream
) -> None:
    """providers-and-models-overview.md, "Context length exceeded": `messages.slice(-10)`, by itself here."""

    def limited(request: object) -> Reply:
        asked = behind.received[-1]
        assert request is asked
        if len(asked.json["messages"]) > 10:
            return refusal(400, "maximum context length is 8192 tokens", "context_length_exceeded")
        return Reply.json({**_completion(), "model": "gpt-4o-mini"})

    behind.handler = limited
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": f"message {at} " + "word " * 20} for at in range(19)]
    told = gateway.post("/api/chat", {"model_id": "openai-gpt-4o-mini", "messages": messages}).json
    assert told["context"]["truncated"] >= 9
    assert behind.received[-1].json["messages"][-1]["content"].startswith("message 18")


def _completion() -> Json:
    from tests.support.openai_wire import completion

    return completion("Short")
