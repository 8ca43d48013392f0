"""The README's main job, short: all processes under one supervisor, on the simulated venue."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.app.sessions import TAPEDECK

WITHIN_S = 900


def materialise(data: Path, select: str, partition: str) -> None:
    dagster = Path(sys.executable).parent / "dagster"
    done = subprocess.run(
        [
            *(str(dagster), "asset", "materialize", "-m", "data_platform.definitions"),
            *("--select", select, "--partition", partition),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        cwd=Path(__file__).parents[2],
        env={
            "PATH": "/usr/bin:/bin",
            "TAPEDECK_DATA": str(data),
            "DAGSTER_HOME": str(data / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_up_for_a_while_quotes_is_filled_and_replays(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TAPEDECK, "up", "--for", "8", "--data", str(tmp_path), "--port", "3900"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trading = ("simulator", "watchdog", "runtime", "scribe", "webserver", "daemon")
    for child in (*trading, "witness", "audit", "tamper-watch"):
        assert re.search(rf"{child}.* ready in ", done.stdout)
    assert re.search(r"http://127\.0\.0\.1:39\d\d", done.stdout)
    assert "replay      byte-identical" in done.stdout
    assert "integrity ok, completeness ok" in done.stdout
    assert done.stdout.endswith("all is well\n")

    lines = [
        json.loads(line)
        for file in (tmp_path / "logs" / "sealed").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    events = {line["event"] for line in lines}
    assert {"ServiceStarted", "QuotesDecided", "PlaceOrder", "OrderFilled", "ServiceStopped"} <= (
        events
    )
    assert list((tmp_path / "lake" / "depth").glob("*/*/*.parquet"))
    assert list((tmp_path / "lake" / "trades").glob("*/*/*.parquet"))
    assert not list((tmp_path / "journal").glob("*/*.tdj"))

    # What the session wrote is taken to the lake and to a report by the README's two commands.
    hour = max((tmp_path / "lake" / "depth").glob("*/*/_sealed.json")).parent
    day = hour.parent.name
    materialise(tmp_path, "group:lake or group:logs", f"{day}-{hour.name}:00")
    materialise(tmp_path, "group:reports", day)
    published = tmp_path / "lake" / "binance-usdm" / "BTCUSDT" / day.replace("-", "/") / hour.name
    for table in ("depth", "trade", "ticker"):
        assert (published / f"{table}.parquet").exists()
        manifest = json.loads((published / f"{table}.manifest.json").read_text())
        assert manifest["commit"]["rows"] > 0
    report = (tmp_path / "reports" / day / "report.txt").read_text()
    assert report.startswith("=== Daily Quant Ops Report ===")
    assert re.search(r"Fills: [1-9]", report)
    assert list((tmp_path / "outbox").glob("*.eml"))
