"""A small MCP server on its standard input and output, which does as the names of its tools say.

It is written down here to the letter of the protocol, so that its tests do not ask a library whether it agrees with
itself. Its first argument names a file that grows by a line with each start.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

TOOLS = {
    "echo": "Says what it is told.",
    "die": "Ends without an answer.",
    "sleep": "Takes its time.",
    "environment": "Lists the names of its environment.",
    "long": "Says a lot.",
    "fail": "Fails.",
    "refuse": "Answers with an error of the protocol.",
    "odd": "Answers with no result.",
    "kinds": "Answers with more than text.",
    "with.dots/and more": "Has a name that no provider takes.",
}


def schema(name: str) -> dict[str, Any]:
    """Return how a tool is described."""
    properties = {"text": {"type": "string"}}
    return {"name": name, "description": TOOLS[name], "inputSchema": {"type": "object", "properties": properties}}


def text(said: str, **more: Any) -> dict[str, Any]:
    """Return a result."""
    return {"content": [{"type": "text", "text": said}], **more}


def called(name: str, arguments: dict[str, Any]) -> Any:
    """Return the result of a call."""
    match name:
        case "die":
            sys.exit(3)
        case "sleep":
            time.sleep(60)
        case "environment":
            return text(" ".join(sorted(os.environ)))
        case "long":
            return text("x" * 1_000_000)
        case "fail":
            return text("it did not work", isError=True)
        case "odd":
            return {"content": "nothing of the kind"}
        case "kinds":
            picture = {"type": "image", "data": "AAAA", "mimeType": "image/png"}
            page = {"type": "resource", "resource": {"uri": "file:///a.txt", "text": "a page"}}
            return {"content": [picture, page]}
    return text(json.dumps(arguments))


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer to one message."""
    method, params = message.get("method"), message.get("params", {})
    if "id" not in message:
        return None
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    match method:
        case "initialize":
            server = {"name": "program", "version": "1"}
            version = params["protocolVersion"]
            return {
                **reply,
                "result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server},
            }
        case "tools/list" if "cursor" not in params:
            return {**reply, "result": {"tools": [schema(name) for name in list(TOOLS)[:3]], "nextCursor": "more"}}
        case "tools/list":
            return {**reply, "result": {"tools": [schema(name) for name in list(TOOLS)[3:]]}}
        case "tools/call" if params["name"] == "refuse":
            return {**reply, "error": {"code": -32602, "message": "not with these arguments"}}
        case "tools/call":
            return {**reply, "result": called(params["name"], params.get("arguments", {}))}
    return {**reply, "error": {"code": -32601, "message": "no such method"}}


def main() -> None:
    """Answer until nobody asks."""
    with Path(sys.argv[1]).open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    for line in sys.stdin:
        if (reply := answer(json.loads(line))) is not None:
            sys.stdout.write(f"{json.dumps(reply)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
