"""The functions of the calculator, each over exact fractions and rounded decimals, each bounded."""

import math
from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from msgspec import Struct

Number: TypeAlias = Fraction | Decimal
_BITS_AT_MOST: Final = 10_000
"""Of an exact number's numerator and denominator, some 3,000 digits; what is longer is rounded."""
_STEPS_AT_MOST: Final = 1000
_FLOAT: Final = Context(prec=15)
"""What of a binary number is sure to be right."""
_NEARLY_NOTHING: Final = Decimal("1e-15")
_MANY: Final = 200


class Function(Struct, frozen=True):
    """A function and how many numbers it takes."""

    run: Callable[..., Number]
    least: int = 1
    most: int = 1


def settle(value: Number) -> Number:
    """Round an exact number that has grown too long."""
    if isinstance(value, Fraction) and _bits(value) > _BITS_AT_MOST:
        return as_decimal(value)
    return value


def as_decimal(value: Number) -> Decimal:
    """Return a number as a decimal of the context's precision."""
    return Decimal(value.numerator) / Decimal(value.denominator) if isinstance(value, Fraction) else value


def divide(left: Number, right: Number) -> Number:
    """Return left / right."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return settle(left / right)
    return as_decimal(left) / as_decimal(right)


def floor_of(value: Number) -> Number:
    """Return the whole number at or below."""
    if isinstance(value, Fraction):
        return Fraction(math.floor(value))
    return value.to_integral_value(ROUND_FLOOR)


def power(base: Number, exponent: Number) -> Number:
    """Return base ** exponent: exact where the result stays short, else rounded."""
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        if _bits(base) * abs(exponent.numerator) <= _BITS_AT_MOST:
            return Fraction(base**exponent.numerator)
    elif exponent == Fraction(1, 2):
        return _root(base)
    return as_decimal(base) ** as_decimal(exponent)


def _size(value: Number) -> Number:
    return -value if value < 0 else value


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _root(value: Number) -> Number:
    if isinstance(value, Fraction) and value >= 0:
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above * above == value.numerator and below * below == value.denominator:
            return Fraction(above, below)
    return as_decimal(value).sqrt()


def _ceil(value: Number) -> Number:
    return -floor_of(-value)


def _trunc(value: Number) -> Number:
    return floor_of(value) if value >= 0 else _ceil(value)


def _round(value: Number, places: Number = Fraction(0)) -> Number:
    """Round half to even, as Python does."""
    by = _whole(places, 100)
    scaled = value if isinstance(value, Fraction) else Fraction(value)
    return settle(Fraction(round(scaled, by)))


def _whole(value: Number, most: int = _STEPS_AT_MOST) -> int:
    if value != floor_of(value) or _size(value) > most:
        raise ValueError("not a whole number within the bound")
    return int(value)


def _log(value: Number, base: Number | None = None) -> Number:
    if base is None:
        return as_decimal(value).ln()
    if base == 10:
        return as_decimal(value).log10()
    found = as_decimal(value).ln() / as_decimal(base).ln()
    near = found.to_integral_value()
    # log(8, 2) is 3, though a quotient of two rounded logarithms may miss it by the last digit.
    return Fraction(int(near)) if abs(near) <= _STEPS_AT_MOST and power(base, Fraction(int(near))) == value else found


def _sum(*values: Number) -> Number:
    if all(isinstance(value, Fraction) for value in values):
        return sum((Fraction(value) for value in values), Fraction(0))
    return sum((as_decimal(value) for value in values), Decimal(0))


def _mean(*values: Number) -> Number:
    return divide(_sum(*values), Fraction(len(values)))


def _median(*values: Number) -> Number:
    in_order = sorted(values)
    middle = len(values) // 2
    return in_order[middle] if len(values) % 2 else _mean(in_order[middle - 1], in_order[middle])


def _in_binary(function: Callable[..., float]) -> Callable[..., Number]:
    """Make a function of the machine's numbers one of these, with the digits that are sure."""

    def run(*values: Number) -> Number:
        found = function(*(float(value) for value in values))
        if not math.isfinite(found):
            raise OverflowError
        return _FLOAT.create_decimal(repr(found))

    return run


def _wave(function: Callable[[float], float]) -> Callable[[Number], Number]:
    """Make one of a periodic function, which crosses zero where binary only comes near: sin(pi)."""
    run = _in_binary(function)

    def settled(value: Number) -> Number:
        found = run(value)
        return Decimal(0) if _size(found) < _NEARLY_NOTHING and _size(value) >= 1 else found

    return settled


def _whole_numbers(function: Callable[..., int], *, small: bool = False) -> Callable[..., Number]:
    def run(*values: Number) -> Number:
        return Fraction(function(*(_whole(value, _STEPS_AT_MOST if small else 10**300) for value in values)))

    return run


_PI: Final = Decimal("3.141592653589793238462643383279503")
CONSTANTS: Final[dict[str, Number]] = {
    "pi": _PI,
    "e": Decimal("2.718281828459045235360287471352662"),
    "tau": Decimal("6.283185307179586476925286766559006"),
}
FUNCTIONS: Final[dict[str, Function]] = {
    "abs": Function(abs),
    "round": Function(_round, 1, 2),
    "floor": Function(floor_of),
    "ceil": Function(_ceil),
    "trunc": Function(_trunc),
    "min": Function(min, 2, _MANY),
    "max": Function(max, 2, _MANY),
    "sum": Function(_sum, 1, _MANY),
    "mean": Function(_mean, 1, _MANY),
    "median": Function(_median, 1, _MANY),
    "sqrt": Function(_root),
    "pow": Function(power, 2, 2),
    "exp": Function(lambda value: as_decimal(value).exp()),
    "log": Function(_log, 1, 2),
    "ln": Function(_log),
    "log2": Function(lambda value: _log(value, Fraction(2))),
    "log10": Function(lambda value: _log(value, Fraction(10))),
    "sin": Function(_wave(math.sin)),
    "cos": Function(_wave(math.cos)),
    "tan": Function(_wave(math.tan)),
    "asin": Function(_in_binary(math.asin)),
    "acos": Function(_in_binary(math.acos)),
    "atan": Function(_in_binary(math.atan)),
    "atan2": Function(_in_binary(math.atan2), 2, 2),
    "hypot": Function(_in_binary(math.hypot), 2, 2),
    "degrees": Function(lambda value: as_decimal(value) * 180 / _PI),
    "radians": Function(lambda value: as_decimal(value) * _PI / 180),
    "factorial": Function(_whole_numbers(math.factorial, small=True)),
    "comb": Function(_whole_numbers(math.comb, small=True), 2, 2),
    "perm": Function(_whole_numbers(math.perm, small=True), 2, 2),
    "gcd": Function(_whole_numbers(math.gcd), 2, 2),
    "lcm": Function(_whole_numbers(math.lcm), 2, 2),
}
