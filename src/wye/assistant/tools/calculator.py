"""Works out arithmetic, exactly where it can: fractions as long as nothing irrational comes in, decimals after that.

An expression is parsed into Python's syntax tree and walked; nothing is compiled or run. Every size is bounded before
work is done on it, so no expression takes longer than a few milliseconds.
"""

import ast
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from wye.assistant.tools.functions import CONSTANTS, FUNCTIONS, Number, as_decimal, divide, floor_of, power, settle
from wye.assistant.tools.seam import ToolContext, ToolError, ToolOutput, read, schema_of, told
from wye.core.caller import Scope

_CHARACTERS_AT_MOST: Final = 2000
_TOKENS_AT_MOST: Final = 600
_DEPTH_AT_MOST: Final = 120
_EXPONENT_AT_MOST: Final = 2000
_DECIMALS_AT_MOST: Final = 40
_SHOWN_DIGITS: Final = 30
_TOKEN: Final = re.compile(
    r"\s+|(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|[A-Za-z_]\w*(?!\.)|\*\*|//|[-+*/%(),]", re.ASCII
)
_ARITHMETIC: Final = Context(prec=34, Emax=9999, Emin=-9999, traps=[InvalidOperation, DivisionByZero, Overflow])


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be worked out."""

    expression: Annotated[
        str,
        Meta(
            description="For example: (1250 * 1.19 - 42) / 12, sqrt(2) * 10**3, round(log(1000, 10), 2). ** is power."
        ),
    ]


class Calculator:
    """The tool `calculator`."""

    name = "calculator"
    description = (
        "Works out arithmetic exactly: + - * / // % **, parentheses, the constants pi, e and tau, and the functions "
        + ", ".join(FUNCTIONS)
        + ". Angles are radians. Use it for every calculation."
    )
    parameters: Mapping[str, Any] = schema_of(Arguments)
    scope: Scope = "use"

    async def call(self, arguments: Mapping[str, Any], _context: ToolContext, /) -> ToolOutput:
        """Return the result as JSON: `result` as text, so that no digit is lost, and whether it is `exact`."""
        shown, exact = work_out(read(Arguments, arguments).expression)
        return told({"result": shown, "exact": exact})


def work_out(expression: str) -> tuple[str, bool]:
    """Return the result of an expression as text, and whether it is exact.

    Raises `ToolError` for what is no arithmetic, has no real result, or is too large.
    """
    tree = _parsed(expression.strip())
    try:
        with localcontext(_ARITHMETIC):
            return _shown(_value(tree, expression.strip(), 0))
    except (ZeroDivisionError, DivisionByZero):
        raise ToolError("that divides by zero") from None
    except (Overflow, OverflowError):
        raise ToolError("the result is too large") from None
    except (InvalidOperation, ValueError):
        raise ToolError("that has no real number as its result") from None


def _parsed(expression: str) -> ast.expr:
    if not expression:
        raise ToolError("the expression is empty")
    if len(expression) > _CHARACTERS_AT_MOST:
        raise ToolError(f"the expression is longer than {_CHARACTERS_AT_MOST} characters; work it out in parts")
    at = tokens = 0
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None:
            hint = "; a power is written **" if expression[at] == "^" else ""
            raise ToolError(f"{expression[at : at + 10]!r} at character {at + 1} is no arithmetic{hint}")
        at, tokens = token.end(), tokens + 1
    if tokens > _TOKENS_AT_MOST:
        raise ToolError(f"the expression has more than {_TOKENS_AT_MOST} parts; work it out in steps")
    try:
        # Newlines mean nothing to arithmetic, and offsets in one line need no lines to be counted.
        return ast.parse(re.sub(r"\s", " ", expression), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ToolError("the expression cannot be read; check its parentheses and operators") from None


def _value(node: ast.expr, source: str, depth: int) -> Number:
    if depth > _DEPTH_AT_MOST:
        raise ToolError(
            f"the expression is nested deeper than {_DEPTH_AT_MOST} levels; use sum(…) or work it out in steps"
        )
    match node:
        case ast.Constant():
            return _literal(source[node.col_offset : node.end_col_offset])
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _value(operand, source, depth + 1)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return _OPERATORS[type(operator)](_value(left, source, depth + 1), _value(right, source, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in FUNCTIONS:
            if any(isinstance(one, ast.Starred) for one in given):
                raise ToolError("'*' before an argument is no arithmetic")
            return _called(name, [_value(one, source, depth + 1) for one in given])
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            raise ToolError(f"{name!r} is not known; there are: {', '.join((*CONSTANTS, *FUNCTIONS))}")
    raise ToolError(
        "only numbers, + - * / // % **, parentheses and the functions named in the description are arithmetic"
    )


def _literal(text: str) -> Fraction:
    """Read a number as it is written: 0.1 is a tenth, which no binary number is."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ToolError(f"{text[:20]!r} is no number") from None
    if abs(number.adjusted()) > _EXPONENT_AT_MOST:
        raise ToolError(f"{text[:20]} is too large or too small")
    return Fraction(number)


def _called(name: str, values: list[Number]) -> Number:
    function = FUNCTIONS[name]
    if not function.least <= len(values) <= function.most:
        wants = f"{function.least}" if function.least == function.most else f"{function.least} or more"
        raise ToolError(f"{name} takes {wants} numbers, not {len(values)}")
    return settle(function.run(*values))


def _added(left: Number, right: Number) -> Number:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return settle(left + right)
    return as_decimal(left) + as_decimal(right)


def _subtracted(left: Number, right: Number) -> Number:
    return _added(left, -right)


def _multiplied(left: Number, right: Number) -> Number:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return settle(left * right)
    return as_decimal(left) * as_decimal(right)


def _whole_part(left: Number, right: Number) -> Number:
    return floor_of(divide(left, right))


def _rest(left: Number, right: Number) -> Number:
    return _subtracted(left, _multiplied(right, _whole_part(left, right)))


_OPERATORS: Final[Mapping[type[ast.operator], Callable[[Number, Number], Number]]] = {
    ast.Add: _added,
    ast.Sub: _subtracted,
    ast.Mult: _multiplied,
    ast.Div: divide,
    ast.FloorDiv: _whole_part,
    ast.Mod: _rest,
    ast.Pow: power,
}


def _shown(value: Number) -> tuple[str, bool]:
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator), True
        places = _places(value.denominator)
        if places is not None:
            digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
            sign = "-" if value < 0 else ""
            return f"{sign}{digits[:-places]}.{digits[-places:]}", True
    rounded = Context(prec=_SHOWN_DIGITS).plus(as_decimal(value))
    if rounded == rounded.to_integral_value() and abs(rounded.adjusted()) < _SHOWN_DIGITS:
        return f"{rounded:.0f}", False
    return str(rounded.normalize()), False


def _places(denominator: int) -> int | None:
    """Return how many decimals a fraction has, `None` where they never end or are too many."""
    places = 0
    for prime in (2, 5):
        count = 0
        while denominator % prime == 0 and count <= _DECIMALS_AT_MOST:
            denominator //= prime
            count += 1
        places = max(places, count)
    return places if denominator == 1 and places <= _DECIMALS_AT_MOST else None
