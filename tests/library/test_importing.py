"""Importing Wye is quick because it does little: no file but Python is read, no socket made, nothing heavy loaded."""

import subprocess
import sys

PROGRAM = """
import sys
opened, sockets = [], []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and not arguments[0].endswith((".py", ".pyc", ".so", ".pth")):
        opened.append(arguments[0])
    if event.startswith("socket."):
        sockets.append(event)
sys.addaudithook(hook)
import wye
heavy = [name for name in (
    "pyreqwest", "uvicorn", "litestar", "typer", "rich", "genai_prices", "pydantic", "openai", "sqlalchemy", "numpy",
    "dotenv.main",
) if name in sys.modules]
print(len(sockets), opened, heavy, len(sys.modules))
"""


def test_importing_reads_no_data_makes_no_socket_and_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    sockets, rest = done.stdout.split(" ", 1)
    assert sockets == "0"
    assert rest.startswith("[] [] "), rest
    assert int(rest.split()[-1]) < 450


def test_everything_public_is_there() -> None:
    import wye

    for name in wye.__all__:
        assert getattr(wye, name) is not None


def test_every_error_there_is_can_be_caught_by_its_public_name() -> None:
    import wye
    from wye.core import errors

    raised = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, wye.WyeError)}
    assert raised <= set(wye.__all__)


def test_what_the_contract_names_is_public() -> None:
    import wye

    contract = {
        "ModelRouter", "RoutingContext", "RoutingStrategy", "LLMClient", "get_router", "ModelRegistry", "ModelInfo",
        "ModelCapabilities", "ModelConfig", "ModelResponse", "StreamChunk", "ToolCall", "FunctionCall",
        "BaseModelProvider", "ModelProviderFactory", "SyncModelRouter",
    }  # fmt: skip
    assert contract <= set(wye.__all__)
    assert {"models", "get", "filter", "recommend", "refresh"} <= set(dir(wye.ModelRegistry))
    assert {"route", "route_stream", "send_message", "explain"} <= set(dir(wye.ModelRouter))
