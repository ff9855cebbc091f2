"""What a request consumed, in one convention for every wire."""

from decimal import Decimal

from msgspec import Struct


class Usage(Struct, frozen=True, kw_only=True):
    """What one answer took: tokens, and what is charged by another measure.

    `input_tokens` includes the tokens read from and written to a prompt cache, and those of audio and of images where
    they are told apart;
    `output_tokens` includes reasoning, audio and image tokens. The other token fields are the parts of those two;
    `cache_write_1h_tokens` is the part of `cache_write_tokens` that lives an hour, `cache_read_audio_tokens` what both
    `cache_read_tokens` and `audio_input_tokens` count. `search_requests` counts searches
    the provider ran and charges apiece, those of a reranking too (its search units). `images` are pictures made,
    `audio_seconds` those of speech heard and `characters` those of a text spoken, where no tokens are counted.
    `reported_cost` is USD as the provider itself said it, where it does. `estimated` marks counts that Wye made up
    by rule because the provider gave none. `service` is the tier of service that the provider says it was: empty for
    its usual one, `None` where it says nothing.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    cache_read_audio_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    search_requests: int = 0
    images: int = 0
    audio_seconds: Decimal = Decimal(0)
    characters: int = 0
    reported_cost: Decimal | None = None
    estimated: bool = False
    service: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but input and output to be charged, reasoning being plain output."""
        return not (
            self.cache_read_tokens
            or self.cache_write_tokens
            or self.audio_input_tokens
            or self.audio_output_tokens
            or self.image_input_tokens
            or self.image_output_tokens
            or self.search_requests
            or self.images
            or self.audio_seconds
            or self.characters
        )

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def plus(self, other: "Usage") -> "Usage":
        """Return what both took together; estimated where one of them is."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in SUMMED}
        told = [cost for cost in (self.reported_cost, other.reported_cost) if cost is not None]
        return Usage(
            **sums,
            reported_cost=sum(told, Decimal(0)) if told else None,
            estimated=self.estimated or other.estimated,
            service=self.service if self.service == other.service else None,
        )


SUMMED = tuple(name for name in Usage.__struct_fields__ if name not in {"reported_cost", "estimated", "service"})
"""What adds up of two."""
