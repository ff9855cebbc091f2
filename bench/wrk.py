"""Drive wrk: its script for a POST, its command line, and what it reports at the end."""

from pathlib import Path

import msgspec

SCRIPT = """\
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["accept"] = "*/*"
wrk.body = io.open("{body}", "rb"):read("*a")

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{{"requests":%d,"p50_us":%.1f,"p99_us":%.1f,"errors":%d}}\\n',
    summary.requests, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


class WrkReport(msgspec.Struct, frozen=True):
    """Answers in the whole run, latency percentiles in microseconds, and errors of every kind."""

    requests: int
    p50_us: float
    p99_us: float
    errors: int


def command(program: str, directory: Path, name: str, body: bytes, port: int, connections: int) -> list[str]:
    """Write the body and the script into `directory`; returns a command line that runs until it is interrupted.

    One thread, however many connections; an hour is wrk's idea of for ever.
    """
    body_file = directory / f"{name}.json"
    body_file.write_bytes(body)
    script = directory / f"{name}.lua"
    script.write_text(SCRIPT.format(body=body_file))
    return [
        program,
        *("--threads", "1", "--connections", str(connections), "--duration", "1h", "--timeout", "2m"),
        *("--script", str(script), f"http://127.0.0.1:{port}/v1/chat/completions"),
    ]


def parse(output: str) -> WrkReport:
    """Read the line that the script's `done` wrote; ValueError when it is not there."""
    return msgspec.json.decode(output.strip().rpartition("\n")[2], type=WrkReport)
