"""More of something than anybody has, for tables that must bear it."""


def many(count: int) -> object:
    """Return so many models."""
    one = {
        "providerId": "up", "provider": "up", "description": "", "available": True, "whyNot": None,
        "capabilities": ["text", "vision"], "contextWindow": 128000, "maxTokens": 4096,
        "costPer1kTokens": {"input": 0.001, "output": 0.002}, "latencyTier": "fast", "qualityTier": "high",
        "openSource": False, "experimental": False, "extendedThinking": False, "agentCapable": False,
        "codingOptimized": False, "deprecated": False, "retiresOn": None, "tags": [],
    }  # fmt: skip
    rows = [
        {**one, "id": f"model-{at:05}", "fullId": f"up/model-{at:05}", "name": f"Model {at}"}
        for at in range(1, count + 1)
    ]
    return {"models": rows, "totalModels": count, "availableModels": count}
