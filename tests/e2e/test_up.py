"""The README's main job, short: all processes under one supervisor, on generated flow."""

import json
import re
import subprocess
from pathlib import Path

from tests.app.sessions import TAPEDECK

WITHIN_S = 900


def test_up_for_a_while_quotes_is_filled_and_replays(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TAPEDECK, "up", "--for", "8", "--data", str(tmp_path), "--port", "3900"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for child in ("runtime", "scribe", "webserver", "daemon"):
        assert re.search(rf"{child}.* ready in ", done.stdout)
    assert re.search(r"http://127\.0\.0\.1:39\d\d", done.stdout)
    assert "replay      byte-identical" in done.stdout
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
