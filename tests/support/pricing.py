"""What an answer must cost, worked out by fractions from the catalog's prices with none of the ledger's code."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.support.oracle import ExpectedUsage, stream_documents
from tests.support.recordings import Recording, Wire

from wye.catalog.schema import Price


def expected_cost(
    price: Price, usage: ExpectedUsage, sound: tuple[int, int], searches: int = 0, tiers: Iterable[str] = ()
) -> Decimal | None:
    """Return USD, or `None` where a price that is needed is unknown.

    Each token has one price: a special one where it is of a special kind and there is such a price, else the plain one
    of its side. `sound` is how many tokens of input and of output were audio; a search has a price of its own, where
    the row has one. `tiers` are the tiers of service that the answer names, but for the usual one.
    """
    named = [price.services.get(tier) for tier in tiers]
    services = [service for service in named if service is not None]
    if len(services) < len(named):
        return None

    def _rate(price: Price, kind: str, usage: ExpectedUsage) -> Fraction | None:
        rate = _usual_rate(price, kind, usage)
        for service in services:
            long = [bound for bound in service.tiers if bound.above_input_tokens < usage.input_tokens]
            told = getattr(service, kind)
            for bound in sorted(long, key=lambda bound: bound.above_input_tokens):
                told = told if getattr(bound, kind) is None else getattr(bound, kind)
            if told is not None:
                rate = Fraction(told)
            elif rate is not None and service.factor is not None:
                rate *= Fraction(service.factor)
        return rate

    heard, spoken = sound
    plain_input, plain_output = _rate(price, "input", usage), _rate(price, "output", usage)
    charges = [
        (usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens - heard, "input", plain_input),
        (usage.cache_read_tokens, "cache_read", plain_input),
        (usage.cache_write_tokens, "cache_write", plain_input),
        (heard, "audio_input", plain_input),
        (usage.output_tokens - usage.reasoning_tokens - spoken, "output", plain_output),
        (usage.reasoning_tokens, "reasoning", plain_output),
        (spoken, "audio_output", plain_output),
    ]
    total = Fraction(price.per_request or 0) + searches * Fraction(price.per_search or 0)
    for tokens, kind, plain in charges:
        special = _rate(price, kind, usage)
        rate = special if special is not None else plain
        if tokens and rate is None:
            return None
        total += tokens * (rate or Fraction(0)) / 1_000_000
    return Decimal(total.numerator) / Decimal(total.denominator)


def _usual_rate(price: Price, kind: str, usage: ExpectedUsage) -> Fraction | None:
    """Return USD per million tokens, by the highest tier that the input reaches."""
    reached = [tier for tier in price.tiers if usage.input_tokens > tier.above_input_tokens]
    tier = max(reached, key=lambda tier: tier.above_input_tokens, default=None)
    value = getattr(tier, kind, None)
    value = getattr(price, kind) if value is None else value
    return None if value is None else Fraction(value)


def tokens_of_sound(wire: Wire, recording: Recording) -> tuple[int, int]:
    """Return how many tokens of input, but for those read from a cache, and of output an answer says were audio."""
    body = recording.response_body
    documents = stream_documents(body) if recording.streamed else [json.loads(body)]
    match wire:
        case "openai_chat":
            usage = _last(documents, "usage")
            sides = [usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}]
            heard, spoken = (int(side.get("audio_tokens") or 0) for side in sides)
        case "gemini":
            usage = _last(documents, "usageMetadata")
            heard = _heard(usage.get("promptTokensDetails") or []) - _heard(usage.get("cacheTokensDetails") or [])
            spoken = _heard(usage.get("candidatesTokensDetails") or [])
        case _:
            heard, spoken = 0, 0
    return heard, spoken


def tiers_told(wire: Wire, recording: Recording) -> tuple[str, ...]:
    """Return the tiers of service that an answer names, but for the usual one, by each provider's documentation."""
    body = recording.response_body
    if wire == "bedrock_converse":
        found = re.findall(rb'"serviceTier"\s*:\s*\{\s*"type"\s*:\s*"(\w+)"', body)
        said = [found[-1].decode()] if found else []
        return tuple(tier for tier in said if tier != "default")
    documents = stream_documents(body) if recording.streamed else [json.loads(body)]
    match wire:
        case "openai_chat" | "openai_responses":
            said = [(document.get("response") or document).get("service_tier") for document in documents]
            said = [tier for tier in said if tier][-1:]
            usual = {"auto", "default", "standard", "on_demand"}
        case "anthropic_messages":
            counts = [((document.get("message") or document).get("usage") or {}) for document in documents]
            names = ("service_tier", "speed", "inference_geo")
            said = [next((count[name] for count in counts if count.get(name)), None) for name in names]
            usual = {"standard", "global", "not_available"}
        case "gemini":
            count = _last(documents, "usageMetadata")
            traffic = count.get("trafficType")
            by_name = str(traffic or "").removeprefix("ON_DEMAND").strip("_")
            said = [count.get("serviceTier") or ("" if traffic == 1 else by_name)]
            usual = {"standard"}
        case _:
            return ()
    return tuple(tier.lower() for tier in said if tier and tier not in usual)


def searches_told(wire: Wire, recording: Recording) -> int:
    """Return how many searches an answer says the provider ran, as far as each has a price.

    Google charges every query of the third generation of its models, and a prompt with any of those before it.
    """
    body = recording.response_body
    documents = stream_documents(body) if recording.streamed else [json.loads(body)]
    match wire:
        case "anthropic_messages":
            return int((_last(documents, "usage").get("server_tool_use") or {}).get("web_search_requests") or 0)
        case "gemini":
            told = [
                (candidate.get("groundingMetadata") or {}).get("webSearchQueries") or []
                for document in documents
                for candidate in document.get("candidates") or []
            ]
            queries = max((len(set(asked) - {""}) for asked in told), default=0)
            before_3 = str(recording.model).startswith(("gemini-1.", "gemini-2."))
            return min(queries, 1) if before_3 else queries
        case _:
            return 0


def _last(documents: Iterable[Any], member: str) -> Any:
    return next((found for document in reversed(list(documents)) if (found := document.get(member))), {})


def _heard(counts: Iterable[Any]) -> int:
    return sum(int(count.get("tokenCount") or 0) for count in counts if count.get("modality") == "AUDIO")
