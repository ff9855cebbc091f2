"""The documents' examples of telemetry, in a program with no store at all: asynchronous and not."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.books import used

from wye import ModelRouter, SyncModelRouter, Telemetry
from wye.insights.window import MOST, Window

MESSAGES = [{"role": "user", "content": "Hello!"}]
SETTINGS = """
[store]
url = "memory://"
[providers.away]
adapter = "openai_chat"
base_url = "http://127.0.0.1:9/v1"
allow_private_network = true
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "wye.toml"
    path.write_text(SETTINGS)
    return path


async def test_the_documents_examples(settings: Path, tmp_path: Path) -> None:
    async with ModelRouter.from_config(settings, environ={}) as router:
        telemetry = router.telemetry
        assert isinstance(telemetry, Telemetry)
        for _ in range(3):
            await router.route(MESSAGES, model="mock/mock-fast")

        # Get current performance snapshot
        current = await telemetry.current_metrics()
        assert current.providers["mock"].measured.sums.requests == 3
        assert current.providers["mock"].measured.total.p95 is not None

        # Check for alerts
        insights = await telemetry.performance_insights()
        assert [alert.message for alert in insights.alerts if alert.severity in {"high", "critical"}] == []
        assert isinstance(insights.recommendations, list)

        # Get historical trends
        history = await telemetry.metrics_history(24)
        assert sum(line.sums.requests for line in history) == 3

        # Export as JSON, save to file
        (tmp_path / "telemetry-data.json").write_text(await telemetry.export_metrics("json"))
        rows = json.loads((tmp_path / "telemetry-data.json").read_text())
        assert rows[0]["provider"] == "mock"

        # Export as CSV for spreadsheet analysis
        table = list(csv.DictReader(io.StringIO(await telemetry.export_metrics("csv"))))
        assert sum(int(row["requests"]) for row in table) == 3


def test_the_same_without_an_event_loop(settings: Path) -> None:
    with SyncModelRouter.from_config(settings, environ={}) as router:
        telemetry = router.telemetry
        router.route(MESSAGES, model="mock/mock-fast")
        assert telemetry.current_metrics().all.sums.requests == 1
        assert telemetry.current_metrics(provider="away").all.sums.requests == 0
        assert len(telemetry.metrics_history(1)) == 1
        assert telemetry.performance_insights().alerts == []
        assert json.loads(telemetry.export_metrics())[0]["requests"] == 1


def test_a_window_holds_no_more_than_it_may() -> None:
    window = Window()
    for _ in range(MOST + 5):
        window.observe(used())
    assert window.dropped == 5
    assert len(window._waiting) == MOST


def test_importing_wye_imports_no_database() -> None:
    program = "import sys, wye; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
