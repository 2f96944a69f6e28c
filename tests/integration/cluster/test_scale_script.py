"""The scale benchmark's script, with ten pipelines: its figures are whole and written down."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.real.require import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[3]


async def test_ten_pipelines_are_measured_and_at_rest_nothing_is_written(tmp_path):
    require("cluster")
    results = tmp_path / "results.json"
    results.write_text('{"order_journey_us": 1}')
    words = ["--pipelines=10", "--connections=4", "--rest=5", f"--results={results}"]

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "benchmarks.scale", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    kept = json.loads(results.read_text())
    figures = kept["scale"]
    assert kept["order_journey_us"] == 1
    assert figures["apply"]["requests"]["patch deployments"] == 10
    assert figures["apply"]["status_writes_per_pipeline"] >= 1
    assert figures["rest"]["writes"] == figures["restart"]["writes"] == 0
    assert figures["floor"]["ready_s"] > 0
    assert "restart to quiet" in done.stdout
