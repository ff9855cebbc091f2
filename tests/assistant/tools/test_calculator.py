"""The calculator is exact where it can be, and nothing that is no arithmetic gets through."""

import msgspec
import pytest

from wye.assistant.tools.calculator import Calculator, work_out
from wye.assistant.tools.seam import ToolContext, ToolError
from wye.core.caller import LOCAL

EXACT = {
    "1 + 2 * 3": "7",
    "(1250 * 1.19 - 42) / 12": "120.458333333333333333333333333",
    "0.1 + 0.2": "0.3",
    "1/3*3": "1",
    "-7 // 2": "-4",
    "-7 % 3": "2",
    "2 ** 200": str(2**200),
    "2 ** -3": "0.125",
    "-2 ** 2": "-4",
    "1_000 * .5": "500",
    "1e3 + 2.5E-1": "1000.25",
    "sqrt(2.25)": "1.5",
    "9 ** 0.5": "3",
    "round(2.675, 2)": "2.68",
    "round(-1234, -2)": "-1200",
    "max(1, 2.5, -3)": "2.5",
    "sum(1, 2, 3) / mean(2, 4)": "2",
    "median(1, 9, 4, 2)": "3",
    "factorial(20)": "2432902008176640000",
    "comb(49, 6)": "13983816",
    "gcd(48, 36) + lcm(4, 6)": "24",
    "log(8, 2)": "3",
    "floor(-1.5) + ceil(1.2) + trunc(-1.9)": "-1",
    "0 ** 0": "1",
    "  1 +\n 2 ": "3",
    "-0.05": "-0.05",
}
ROUNDED = {
    "sqrt(2)": "1.41421356237309504880168872421",
    "pi": "3.14159265358979323846264338328",
    "exp(1) - e": "0",
    "sin(pi / 6)": "0.5",
    "cos(pi / 3) * 2": "1",
    "log10(1000)": "3",
    "2 ** 0.5 * 2 ** 0.5": "2",
    "1.05 ** 3000": "3.69740658039776000745725055262E+63",
    "tan(radians(45))": "1",
}
REFUSED = {
    "a name": "x + 1",
    "an attribute": "(1).real",
    "a call of what is not listed": "print(1)",
    "an import": "__import__('os')",
    "a text": "'a' * 9",
    "a list": "[1]*9",
    "a comparison": "1 < 2",
    "a lambda": "(lambda: 1)()",
    "a walrus": "(a := 1)",
    "a keyword": "round(1, ndigits=2)",
    "stars": "max(*(1, 2))",
    "a tuple": "(1, 2)",
    "an index": "(1)[0]",
    "a truth": "True",
    "a condition": "1 if 1 else 2",
    "a complex number": "1j",
    "hexadecimals": "0xff",
    "glued words": "1or 2",
    "a power as mathematicians write it": "2 ^ 3",
    "a call of a call": "abs(1)(2)",
    "a function without its call": "sqrt",
    "nothing": "  ",
    "an open parenthesis": "(1 + 2",
    "a comment": "1 # 2",
    "a second line": "1\n2",
    "a matrix product": "1 @ 2",
    "bits": "1 << 99999999",
    "too many numbers": "sqrt(1, 2)",
    "other digits": "١ + ١",
    "wide letters": "ｓｑｒｔ(4)",
    "a root that is not real": "sqrt(-1)",
    "a power that is not real": "(-8) ** 0.5",
    "a logarithm of nothing": "log(-1)",
    "a zero below": "1 / (2 - 2)",
    "a zero below a rest": "5 % 0",
    "a zero to less than nothing": "0 ** -1",
    "an arc sine of more than one": "asin(2)",
    "a factorial of a half": "factorial(0.5)",
}


@pytest.mark.parametrize(("expression", "result"), EXACT.items())
def test_what_is_rational_is_exact(expression: str, result: str) -> None:
    shown, exact = work_out(expression)
    assert shown == result
    assert exact == (len(result.partition(".")[2]) < 20)


@pytest.mark.parametrize(("expression", "result"), ROUNDED.items())
def test_what_is_not_is_rounded_and_said_to_be(expression: str, result: str) -> None:
    shown, exact = work_out(expression)
    assert shown.startswith(result)
    assert not exact


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_arithmetic_is_refused(what: str) -> None:
    with pytest.raises(ToolError):
        work_out(REFUSED[what])


def test_what_crosses_zero_does_so_and_what_is_small_stays_small() -> None:
    assert work_out("sin(pi)") == ("0", False)
    assert work_out("atan2(10**-20, 5)") == ("2E-21", False)


def test_a_power_written_with_a_hat_is_told_how_to_write_it() -> None:
    with pytest.raises(ToolError, match=r"a power is written \*\*"):
        work_out("2^3")


async def test_the_tool_answers_in_json_without_losing_digits() -> None:
    output = await Calculator().call({"expression": "2**64 + 0.5"}, ToolContext(caller=LOCAL))
    assert msgspec.json.decode(output.text) == {"result": "18446744073709551616.5", "exact": True}
