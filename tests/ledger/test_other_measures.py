"""What is charged by the picture, the hour, the letter or the search has its own price, or none that is known."""

from decimal import Decimal

import pytest

from wye.catalog.schema import Price
from wye.core.usage import Usage
from wye.ledger.price import cost

DRAWING = Price(input=Decimal(5), output=Decimal(40), image_input=Decimal(10))


@pytest.mark.parametrize(
    ("price", "usage", "expected"),
    [
        (Price(per_image=Decimal("0.04")), Usage(images=3), "0.12"),
        (Price(per_audio_hour=Decimal("0.36")), Usage(audio_seconds=Decimal("12.5")), "0.00125"),
        (Price(per_million_characters=Decimal(15)), Usage(characters=1000), "0.015"),
        (Price(per_search=Decimal("0.002")), Usage(search_requests=2), "0.004"),
        (
            Price(input=Decimal(5), output=Decimal(40), image_input=Decimal(10)),
            Usage(input_tokens=10, image_input_tokens=4),
            "0.00007",
        ),
        (Price(input=Decimal(5), output=Decimal(40)), Usage(input_tokens=10, image_input_tokens=4), "0.00005"),
        (Price(input=Decimal(5), per_search=Decimal(1)), Usage(input_tokens=10, images=1), None),
        (Price(input=Decimal(5)), Usage(audio_seconds=Decimal(1)), None),
        (Price(input=Decimal(5), output=Decimal(5)), Usage(characters=1), None),
    ],
)
def test_each_measure_has_its_own_price(price: Price, usage: Usage, expected: str | None) -> None:
    assert cost(price, usage) == (None if expected is None else Decimal(expected))
