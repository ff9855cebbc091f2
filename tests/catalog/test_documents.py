"""Every model that the source documents name is in the catalog, under the names the documents use."""

import pytest

from wye.catalog import load

REGISTRY_GUIDE = {
    "openai/gpt-4o": {"text", "vision", "function-calling", "json-mode"},
    "openai/gpt-4o-mini": {"text", "vision", "function-calling", "json-mode"},
    "openai/gpt-4-turbo": {"text", "vision", "function-calling", "json-mode"},
    "openai/gpt-3.5-turbo": {"text", "function-calling", "json-mode"},
    "gemini/gemini-2.0-flash-exp": {"text", "vision", "audio", "function-calling", "code-execution"},
    "gemini/gemini-1.5-pro": {"text", "vision", "audio", "function-calling", "code-execution"},
    "gemini/gemini-1.5-flash": {"text", "vision", "function-calling"},
    "openrouter/anthropic/claude-3.5-sonnet": {"text", "vision", "function-calling", "artifacts"},
    "openrouter/anthropic/claude-3-haiku": {"text", "vision"},
    "openrouter/anthropic/claude-opus-4.1": {
        "text", "coding", "reasoning", "agents", "extended-thinking", "long-horizon-tasks",
    },
    "perplexity/sonar-small": {"text", "web-search", "citations"},
    "perplexity/sonar-medium": {"text", "web-search", "citations"},
    "perplexity/sonar-large": {"text", "web-search", "citations", "deep-research"},
    "perplexity/sonar-pro": {"text", "web-search", "citations", "deep-research", "real-time-data"},
    "grok4/grok-4": {"text", "code-analysis", "reasoning", "function-calling"},
    "grok4/grok-4-heavy": {"text", "code-analysis", "reasoning", "function-calling", "multi-agent"},
    "grok4/grok-beta": {"text", "code-analysis", "reasoning", "function-calling"},
    "openrouter/meta-llama/llama-3.1-405b-instruct": {"text", "function-calling"},
}  # fmt: skip

REGISTRY_GUIDE_TIERS = {
    "openai/gpt-4o": ("medium", "highest"),
    "openai/gpt-4o-mini": ("fast", "high"),
    "openai/gpt-4-turbo": ("medium", "highest"),
    "openai/gpt-3.5-turbo": ("fast", "good"),
    "gemini/gemini-2.0-flash-exp": ("fast", "experimental"),
    "gemini/gemini-1.5-pro": ("medium", "highest"),
    "gemini/gemini-1.5-flash": ("fast", "high"),
    "openrouter/anthropic/claude-3.5-sonnet": ("medium", "highest"),
    "openrouter/anthropic/claude-3-haiku": ("very-fast", "good"),
    "openrouter/anthropic/claude-opus-4.1": ("medium", "highest"),
    "perplexity/sonar-small": ("fast", "good"),
    "perplexity/sonar-medium": ("medium", "high"),
    "perplexity/sonar-large": ("medium", "high"),
    "perplexity/sonar-pro": ("medium", "highest"),
    "grok4/grok-4": ("medium", "highest"),
    "grok4/grok-4-heavy": ("slow", "highest"),
    "grok4/grok-beta": ("medium", "experimental"),
    "openrouter/meta-llama/llama-3.1-405b-instruct": ("slow", "highest"),
}

PROVIDERS_OVERVIEW = [
    ("openai", "gpt-4o-mini", "openai-gpt-4o-mini"),
    ("openai", "gpt-4-turbo-preview", "openai-gpt-4-turbo-preview"),
    ("openai", "gpt-3.5-turbo", "openai-gpt-3.5-turbo"),
    ("openai", "gpt-5-chat", "openai-gpt-5-chat"),
    ("openai", "gpt-5-pro", "openai-gpt-5-pro"),
    ("anthropic", "claude-3-5-sonnet-20241022", "anthropic-claude-3.5-sonnet"),
    ("anthropic", "claude-3-opus-20240229", "anthropic-claude-3-opus"),
    ("anthropic", "claude-3-haiku-20240307", "anthropic-claude-3-haiku"),
    ("anthropic", "claude-sonnet-4.5", "anthropic-claude-sonnet-4.5"),
    ("anthropic", "claude-haiku-4.5", "anthropic-claude-haiku-4.5"),
    ("huggingface", "Qwen/Qwen2.5-0.5B", "huggingface-qwen2.5-0.5b"),
    ("huggingface", "mistralai/Mistral-7B-Instruct-v0.3", "huggingface-mistral-7b"),
    ("huggingface", "meta-llama/Meta-Llama-3.1-8B-Instruct", "huggingface-llama-3.1-8b"),
    ("huggingface", "HuggingFaceH4/zephyr-7b-beta", "huggingface-zephyr-7b"),
    ("huggingface", "gpt2", "huggingface-gpt2"),
    ("ollama", "llama3.1:8b", "ollama-llama3.1-8b"),
    ("ollama", "mistral:7b", "ollama-mistral-7b"),
    ("ollama", "phi3:mini", "ollama-phi3-mini"),
    ("vllm", "custom-model", "vllm-custom-model"),
    ("vllm", "mistralai/Mistral-7B-Instruct-v0.2", "vllm-mistral-7b"),
    ("runpod", "your-model-name", "runpod-custom"),
    ("runpod", "Qwen/Qwen2.5-7B-Instruct", "runpod-qwen2.5-7b"),
    ("runpod", "meta-llama/Llama-3.1-8B-Instruct", "runpod-llama-3.1-8b"),
    ("runpod", "your-username/your-finetuned-model", "runpod-finetuned"),
    ("vllm", "local-vllm-huggingface", "local-vllm-huggingface"),
    ("vllm", "local-vllm-checkpoint", "local-vllm-checkpoint"),
    ("ollama", "local-ollama-checkpoint", "local-ollama-checkpoint"),
]

CONNECTIVITY = [
    ("openai", "gpt-4-turbo-preview"),
    ("openai", "gpt-4"),
    ("openai", "gpt-3.5-turbo"),
    ("anthropic", "claude-3-opus"),
    ("anthropic", "claude-3-opus-20240229"),
    ("anthropic", "claude-3-sonnet"),
    ("anthropic", "claude-3-haiku"),
]

ABSTRACTION_GUIDE = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4-turbo"),
    ("openai", "gpt-3.5-turbo"),
    ("gemini", "gemini-2.0-flash"),
    ("gemini", "gemini-2.0-flash-exp"),
    ("gemini", "gemini-1.5-pro"),
    ("gemini", "gemini-1.5-flash"),
    ("openrouter", "anthropic/claude-3.5-sonnet"),
    ("openrouter", "anthropic/claude-3-haiku"),
    ("openrouter", "meta-llama/llama-3.1-405b-instruct"),
    ("openrouter", "mistralai/mixtral-8x7b-instruct"),
    ("azure", "gpt-4"),
    ("azure", "gpt-3.5-turbo"),
    ("azure", "your-deployment-name"),
    ("mock", "mock-fast"),
]

NAMES_IN_THE_DOCUMENTS_CODE = [
    ("anthropic", "claude-3-5-sonnet"),
    ("ollama", "llama3.1"),
    ("vllm", "Qwen/Qwen2.5-7B-Instruct"),
    ("bedrock", "claude-sonnet-4-5"),
]


@pytest.mark.parametrize("full_id", REGISTRY_GUIDE)
def test_every_model_of_the_registry_guide_is_there_with_its_capabilities(full_id: str) -> None:
    assert REGISTRY_GUIDE[full_id] <= load().models[full_id].capabilities


@pytest.mark.parametrize("full_id", REGISTRY_GUIDE_TIERS)
def test_every_model_of_the_registry_guide_has_its_tiers(full_id: str) -> None:
    model = load().models[full_id]
    assert (model.latency_tier, model.quality_tier) == REGISTRY_GUIDE_TIERS[full_id]


@pytest.mark.parametrize(("provider", "name", "template"), PROVIDERS_OVERVIEW)
def test_every_template_of_the_overview_is_found_by_its_model_and_by_its_template_id(
    provider: str, name: str, template: str
) -> None:
    catalog = load()
    model = catalog.find(provider, name)
    assert model is not None
    assert model.provider == provider
    assert template in model.template_ids
    assert catalog.by_name(template) == (model,)


@pytest.mark.parametrize(("template", "full_id"), [
    ("azure-gpt-4o", "azure/gpt-4o"),
    ("azure-gpt-3.5-turbo", "azure/gpt-35-turbo"),
])  # fmt: skip
def test_the_azure_templates_mean_deployments_named_after_their_model(template: str, full_id: str) -> None:
    assert [model.full_id for model in load().by_name(template)] == [full_id]


@pytest.mark.parametrize(("provider", "name"), CONNECTIVITY + ABSTRACTION_GUIDE + NAMES_IN_THE_DOCUMENTS_CODE)
def test_every_other_name_of_the_documents_is_found(provider: str, name: str) -> None:
    assert load().find(provider, name) is not None


def test_what_stands_for_something_of_the_users_own_says_so() -> None:
    placeholders = {model.full_id for model in load().filter(tags=["placeholder"])}
    assert placeholders >= {
        "azure/your-deployment-name",
        "runpod/your-model-name",
        "runpod/your-username/your-finetuned-model",
        "vllm/custom-model",
        "vllm/local-vllm-checkpoint",
        "vllm/local-vllm-huggingface",
        "ollama/local-ollama-checkpoint",
    }
