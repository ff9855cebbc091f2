"""No expression takes long, or fills the memory, however small it is written."""

import time
import tracemalloc

import pytest

from wye.assistant.tools.box import build
from wye.assistant.tools.calculator import work_out
from wye.assistant.tools.seam import ToolContext, ToolError
from wye.catalog import load
from wye.config import Settings
from wye.core.caller import LOCAL
from wye.engine import Engine

BOMBS = {
    "a tower of powers": "9**9**9**9",
    "a power of a long number": "(9**999)**(9**999)",
    "a number with a long exponent": "1e999999999",
    "a small number with a long exponent": "1e-999999999",
    "a factorial": "factorial(factorial(9))",
    "a binomial": "comb(10**200, 10**199)",
    "many parentheses": "(" * 990 + "1" + ")" * 990,
    "many signs": "-" * 599 + "1",
    "a long sum": "+".join(["1"] * 300),
    "a long number": "9" * 1999 + "**9999",
    "too much to read": "1+" * 5000 + "1",
    "a rest of huge numbers": "10**9998 % 1e-2000 ** 4",
    "a chain of powers": "**".join(["1.1"] * 200),
    "digits of a round": "round(1, 10**9)",
    "a wide exponential": "exp(10**30)",
    "hypot of infinities": "hypot(10**308 * 9, 10**308 * 9)",
}


CODE = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "[c for c in (1).__class__.__base__.__subclasses__()]",
    "exec('1')",
    "eval('1')",
    "open('/etc/passwd').read()",
    "(lambda f: f(f))(lambda f: f(f))",
    "globals()",
    "pi.__class__",
    "abs.__self__",
    "f'{1}'",
    "1 if breakpoint() else 2",
    "(yield)",
    "sum(*range(10**9))",
    "max(i for i in (1,2))",
    "print",
    "sqrt.__globals__",
    "１＋１",
    "os",
]


@pytest.mark.parametrize("what", BOMBS)
def test_no_expression_takes_long(what: str) -> None:
    begun = time.process_time()
    with pytest.raises(ToolError):
        work_out(BOMBS[what])
    assert time.process_time() - begun < 2  # unbounded, each would take minutes or all of the memory


@pytest.mark.parametrize(
    ("heavy", "magnitude"),
    [("*".join(["(9**999)"] * 10), "E+9532"), ("+".join(["1/(7**3000+1)"] * 45), "E-2534")],
)
def test_much_work_within_the_bounds_stays_short(heavy: str, magnitude: str) -> None:
    begun = time.process_time()
    shown, exact = work_out(heavy)
    assert shown.endswith(magnitude)
    assert not exact
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("what", BOMBS)
def test_no_expression_fills_the_memory(what: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ToolError):
            work_out(BOMBS[what])
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("code", CODE)
async def test_no_code_is_run(code: str) -> None:
    with pytest.raises(ToolError):
        work_out(code)


async def test_what_a_bomb_comes_to_is_told_to_the_model() -> None:
    box = build(Engine(Settings(), load()))
    output = await box.call("calculator", {"expression": "9**9**9**9"}, ToolContext(caller=LOCAL))
    assert output.text == "error: the result is too large"
