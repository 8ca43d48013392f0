"""A data folder on which runtime and scribe are killed again and again, and what must hold."""

import json
import random
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from tests.app.sessions import TAPEDECK, tapedeck
from tests.live.venue import SimulatedVenue, until
from trading_runtime.app.doorway import StatusAsked, ask
from trading_runtime.config import SHIPPED
from trading_runtime.errors import Refused
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.verify import verify_session
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.inputs import FrameReceived
from trading_runtime.records.units import Level, Module

READY_WITHIN_S = 60
LEVELS = {"marketdata": Level.INFO, "risk": Level.INFO}
"""As the shipped settings set them; the other streams are at INFO by default."""


def hurried_settings(path: Path) -> Path:
    """Write settings under which a few seconds see many seals, flushes, fills and cancels."""
    text = SHIPPED.read_text()
    for name, value in (
        ("segment_bytes_max", "262_144"),
        ("flush_interval_ns", "50_000_000"),
        ("requote_interval_ns", "0"),
        ("first_phase_seconds", "0"),
    ):
        text, count = re.subn(rf"(?m)^{name} = \S+", f"{name} = {value}", text)
        assert count == 1, name
    text = text.replace("[engine.account]", "[market]\nwarm_after_ns = 0\n\n[engine.account]")
    path.write_text(text)
    return path


def start(command: str, data: Path, settings: Path, *more: str) -> subprocess.Popen[str]:
    """Start one process of the main job and await that it does its work."""
    process = subprocess.Popen(
        [*TAPEDECK, command, "--data", str(data), "--settings", str(settings), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line == "ready\n":
            return process
    raise AssertionError(f"{command} ended with {process.wait()}: {''.join(printed)}")


def end(process: subprocess.Popen[str]) -> str:
    """Await that it ends by itself; give what it printed."""
    printed, _ = process.communicate(timeout=READY_WITHIN_S)
    return printed


def live_until(process: subprocess.Popen[str], seconds: float) -> None:
    """Let it run for so long; it must not end by itself."""
    try:
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return
    raise AssertionError(f"ended by itself with {code}: {end(process)}")


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=READY_WITHIN_S)
    assert process.returncode == 0, printed


def start_runtime(
    data: Path, settings: Path, venue: SimulatedVenue, *, quoting: bool = True
) -> subprocess.Popen[str]:
    """Start the runtime on ``venue``, and await that it quotes unless it need not."""
    runtime = start("run", data, settings, "--venue-url", venue.url, "--keys", str(venue.keys))
    if quoting:
        until("the runtime quotes", READY_WITHIN_S, lambda: has_quotes(data))
    return runtime


def has_quotes(data: Path) -> bool:
    """Whether every market has orders at the venue, as the runtime of ``data`` says."""
    try:
        status = ask(data, StatusAsked()).status
    except Refused:
        return False
    return status is not None and all(market.open_orders for market in status.markets)


def crash_rounds(data: Path, settings: Path, venue: SimulatedVenue, rounds: int, seed: int) -> None:
    """Kill the runtime each round, the scribe in half of them, at random moments."""
    draw = random.Random(seed)  # noqa: S311 -- moments, not secrets
    scribe = start("scribe", data, settings)
    try:
        for _ in range(rounds):
            runtime = start_runtime(data, settings, venue, quoting=draw.random() < 0.5)
            live_until(runtime, draw.uniform(0.05, 1.0))
            if draw.random() < 0.5:
                kill(scribe)
                kill(runtime)
                scribe = start("scribe", data, settings)
            else:
                kill(runtime)
        runtime = start_runtime(data, settings, venue)
        live_until(runtime, 1.5)
        stop(runtime)
    finally:
        kill(scribe)
    done = tapedeck("scribe", "--data", data, "--settings", settings, "--once", "--finish")
    assert done.returncode == 0, done.stderr


def check_sessions(data: Path) -> None:
    """Every session is whole and plays back, the killed ones up to where they were cut off."""
    for folder in find_sessions(data):
        verdict = verify_session(folder)
        assert verdict.problem == "", verdict
        done = tapedeck("replay", data, "--check", "--session", folder.name)
        assert done.returncode == 0, done.stdout + done.stderr


def check_lines(data: Path) -> None:
    """Each record of a stream's level stands in that stream's files once, and nothing else does."""
    expected: dict[Module, Counter[tuple[str, int]]] = {module: Counter() for module in Module}
    for folder in find_sessions(data):
        for record in read_session(folder):
            body = decode_body(record.body)
            if body.level >= LEVELS.get(body.module.value, Level.INFO):
                expected[body.module][folder.name, record.seq] += 1
    for module in Module:
        if module is Module.AUDIT:
            continue  # it gets copies of other streams' events as well
        found: Counter[tuple[str, int]] = Counter()
        files = [*(data / "logs" / "sealed").glob(f"{module.value}-*.jsonl")]
        files.append(data / "logs" / f"{module.value}.log")
        for file in files:
            for line in file.read_text().splitlines():
                entry = json.loads(line)
                found[entry["session"], entry["seq"]] += 1
        assert found == expected[module], module


def check_ticks(data: Path) -> None:
    """Each trade frame is one row, each depth frame at least one; no row stands there twice."""
    trades: Counter[tuple[str, int]] = Counter()
    depths: set[tuple[str, int]] = set()
    for folder in find_sessions(data):
        for record in read_session(folder):
            body = decode_body(record.body)
            if isinstance(body, FrameReceived) and b'rade","data"' in body.frame[:60]:
                trades[folder.name, record.seq] += 1
            elif isinstance(body, FrameReceived) and b"@depth" in body.frame[:60]:
                depths.add((folder.name, record.seq))
    assert tick_rows(data, "trades", ["session", "seq"]) == trades
    rows = tick_rows(data, "depth", ["session", "seq", "side", "px"])
    assert max(rows.values()) == 1
    assert depths <= {(str(session), int(seq)) for session, seq, *_ in rows}


def tick_rows(data: Path, table: str, columns: list[str]) -> Counter[tuple[str, int]]:
    rows: Counter[tuple[str, int]] = Counter()
    for file in sorted((data / "lake" / table).glob("*/*/*.parquet")):
        read = pq.read_table(file, columns=columns).to_pydict()
        rows.update(zip(*(read[column] for column in columns), strict=True))
    return rows
