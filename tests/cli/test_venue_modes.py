"""Which mode may trade where: real orders need an acknowledgement, keys need a closed file."""

from pathlib import Path

import pytest

from tests.app.sessions import tapedeck
from tests.live.venue import key_file

KEY = "K" * 64
SECRET = "S" * 64


def refusal(tmp_path: Path, *arguments: str) -> str:
    """Run what must be refused: one line, status 2, and nothing recorded."""
    done = tapedeck("run", "--data", tmp_path / "data", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data" / "journal").exists()
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mode", "live"), "name --environment testnet, demo or production"),
        (("--mode", "live", "--environment", "testnet"), "say --acknowledge-real-orders"),
        (("--mode", "live", "--environment", "production"), "say --acknowledge-real-orders"),
        (("--mode", "sim", "--environment", "production"), "use live"),
        (
            (
                "--mode",
                "sim",
            ),
            "no API key",
        ),
        (
            (
                "--mode",
                "paper",
            ),
            "no simulator is named",
        ),
        (("--mode", "paper", "--environment", "demo", "--venue-url", "http://x"), "url is for"),
    ],
)
def test_a_mode_on_the_wrong_venue_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert said in refusal(tmp_path, *arguments)


def test_an_acknowledged_live_session_still_needs_a_key(tmp_path: Path) -> None:
    said = refusal(
        tmp_path, "--mode", "live", "--environment", "testnet", "--acknowledge-real-orders"
    )
    assert "no API key: set TAPEDECK_KEY and TAPEDECK_SECRET" in said


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    keys = key_file(tmp_path / "keys.toml", KEY, SECRET)
    keys.chmod(0o640)
    said = refusal(tmp_path, "--venue-url", "http://127.0.0.1:9", "--keys", str(keys))
    assert "mode 0640, not 0600" in said
    assert KEY not in said
    assert SECRET not in said


def test_up_asks_for_the_same_acknowledgement(tmp_path: Path) -> None:
    done = tapedeck("up", "--mode", "live", "--environment", "testnet", "--data", tmp_path)
    assert done.returncode == 2
    assert "say --acknowledge-real-orders" in done.stderr
