"""Sessions as the commands make them, for tests that look at what is left of them."""

import json
import subprocess
import sys
from pathlib import Path

from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.sealing import chunks_of_sealed
from trading_runtime.records import layout

TAPEDECK = (sys.executable, "-m", "trading_runtime.cli.main")
VENUES = {"usdm": "binance-usdm", "spot": "binance-spot"}
CAPTURES = "captures/hftbacktest_binance_20240808"


def tapedeck(*arguments: str | Path, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a process of its own."""
    return subprocess.run(
        [*TAPEDECK, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "error"},
        cwd=Path(__file__).parents[2],
    )


def feed(shared_data: Path, market: str, symbol: str, data: Path, *more: str) -> dict[str, object]:
    """Feed a real capture by the command; give its figures."""
    captures = sorted((shared_data / CAPTURES / market).glob(f"{symbol.lower()}_*.gz"))
    done = tapedeck(
        "feed",
        *captures,
        "--venue",
        VENUES[market],
        "--symbol",
        symbol,
        "--data",
        data,
        "--json",
        *more,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, object] = json.loads(done.stdout)
    return figures


def only_session(data: Path) -> Path:
    (folder,) = find_sessions(data)
    return folder


def unseal(folder: Path) -> list[Path]:
    """Make a sealed session one of raw segments, so that a test may change its bytes."""
    raws = []
    for sealed in sorted(folder.glob(f"*{layout.SEALED_SUFFIX}")):
        raw = folder / sealed.name.removesuffix(".zst")
        raw.write_bytes(b"".join(chunks_of_sealed(sealed)))
        sealed.unlink()
        (folder / layout.seal_name(int(sealed.name.partition(".")[0]))).unlink()
        raws.append(raw)
    (folder / layout.SYNCED).unlink()
    return raws
