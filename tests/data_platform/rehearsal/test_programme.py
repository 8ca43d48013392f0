"""The whole of it, as `make demo-days` plays it: too long for every day."""

import subprocess
import sys
from pathlib import Path

import pytest

WITHIN_S = 3600
CHECKOUT = Path(__file__).parents[3]


@pytest.mark.soak
@pytest.mark.parametrize("length", [("--hours", "6"), ("--days", "3")], ids=["6 hours", "3 days"])
def test_every_act_holds_over_days_that_are_made_up(
    tmp_path: Path, length: tuple[str, str]
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "data_platform.rehearsal",
            "--data",
            str(tmp_path / "data"),
            *length,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        cwd=CHECKOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all of it holds" in done.stdout
    assert "  NOT " not in done.stdout
