"""A depth frame to a synchronised book with best bid and ask, on a real capture.

Ours is the whole market half of the core, ``Intake.on_input`` per frame: routing, strict decoding
and conversion, synchronisation, book, cross-check, signals; then best bid and ask are read. Against
it, in turns and in the same process, the floor: bare typed decoding of the same frames and
conversion of each price and size to an integer, nothing checked and nothing kept. And, in turns in
a process of its own, cryptofeed. Times are CPU times, for the machine may be busy; reading the
capture from disk is not counted. The final top 20 of ours and of cryptofeed have to be equal.
"""

import gc
import json
import statistics
import subprocess
import time
from pathlib import Path

import msgspec

from trading_runtime.core.intake import Intake
from trading_runtime.gateway.capture import Capture, LineKind
from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.envelope import Output
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionOpened,
    FrameReceived,
    Input,
    InstrumentRevised,
    Purpose,
)
from trading_runtime.records.instruments import Instrument, money_scale
from trading_runtime.records.units import Connection, Nanos, Revision, Seq, Side

ROOT = Path(__file__).parents[1]
CAPTURE = ROOT / "../shared/data/captures/hftbacktest_binance_20240808/usdm/btcusdt_20240808.gz"
PEER_PYTHON = ROOT / ".venv-bench/bin/python"
PEER = ROOT / "benchmarks/peers/cryptofeed_depth.py"
ROUNDS = 5
TOP = 20
FASTER_MIN = 3.0
FLOOR_MAX = 5.0
TICK, LOT = "0.10", "0.001"


class Update(msgspec.Struct, gc=False):
    """What the floor decodes: the fields of a delta, typed."""

    E: int
    s: str
    U: int
    u: int
    pu: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class Message(msgspec.Struct, gc=False):
    stream: str
    data: Update


def inputs() -> list[tuple[Nanos, Input]]:
    """Give the capture's depth frames and its snapshot, after the inputs that open a market."""
    instrument = Instrument(
        revision=Revision(1),
        venue="binance-usdm",
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        tick_size=TICK,
        lot_size=LOT,
        multiplier="1",
        money_scale=money_scale(TICK, LOT, "1"),
    )
    opened = ConnectionOpened(
        connection=Connection(1),
        venue=instrument.venue,
        purpose=Purpose.MARKET,
        channels=("btcusdt@depth@0ms",),
    )
    found: list[tuple[Nanos, Input]] = [
        (Nanos(0), InstrumentRevised(instrument=instrument)),
        (Nanos(0), opened),
    ]
    for line in Capture([CAPTURE]):
        if line.kind is LineKind.SNAPSHOT:
            answer = AnswerReceived(request="depth-1", status=200, headers=(), body=line.payload)
            found.append((Nanos(line.at_ns), answer))
        elif b"@depth@" in line.payload[:40]:
            frame = FrameReceived(connection=Connection(1), frame=line.payload)
            found.append((Nanos(line.at_ns), frame))
    return found


def ours(steps: list[tuple[Nanos, Input]]) -> tuple[float, Intake]:
    intake = Intake(MarketSettings())
    out: list[Output] = []
    read = 0
    started = time.process_time()
    for seq, (at, body) in enumerate(steps, 1):
        intake.on_input(Seq(seq), at, body, out)
        for market in intake.markets.values():
            if market.synced and market.book.best_bid() < market.book.best_ask():
                read += 1
    spent = time.process_time() - started
    if not intake.markets[Revision(1)].synced or not read:
        raise SystemExit("the book was lost")
    return spent, intake


def floor(frames: list[bytes]) -> float:
    decode = msgspec.json.Decoder(Message).decode
    started = time.process_time()
    for frame in frames:
        update = decode(frame).data
        for levels in (update.b, update.a):
            for price, size in levels:
                int(price.replace(".", ""))
                int(size.replace(".", ""))
    return time.process_time() - started


def peer(*options: str) -> tuple[float, list[list[list[str]]]]:
    done = subprocess.run(
        [str(PEER_PYTHON), str(PEER), str(CAPTURE), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    told = json.loads(done.stdout)
    return told["seconds"], told["top"]


def top(intake: Intake) -> list[list[list[str]]]:
    market = intake.markets[Revision(1)]
    tick, lot = market.scales.tick, market.scales.lot
    return [
        [[f"{tick.decimal(price):.2f}", lot.text(size)] for price, size in levels]
        for levels in (market.book.top(Side.BUY, TOP), market.book.top(Side.SELL, TOP))
    ]


def main() -> None:
    if not CAPTURE.is_file():
        raise SystemExit("no capture: this needs ../shared/data beside the checkout")
    steps = inputs()
    frames = [body.frame for _, body in steps if isinstance(body, FrameReceived)]
    gc.collect()
    gc.freeze()
    with_peer = PEER_PYTHON.is_file()
    spent: dict[str, list[float]] = {"ours": [], "floor": [], "cryptofeed": []}
    for _ in range(ROUNDS):
        seconds, intake = ours(steps)
        spent["ours"].append(seconds)
        spent["floor"].append(floor(frames))
        if with_peer:
            seconds, theirs = peer()
            spent["cryptofeed"].append(seconds)
            if theirs != top(intake):
                raise SystemExit("the books differ")
    median = {name: statistics.median(seconds) for name, seconds in spent.items() if seconds}
    if with_peer:
        median["cryptofeed_best"], _ = peer("--best")
    for name, seconds in median.items():
        print(f"{name:16} {len(frames) / seconds:10,.0f} messages/s")
    print(json.dumps(result(len(frames), median)))


def result(count: int, median: dict[str, float]) -> dict[str, object]:
    """Give the last line: rows of the table of figures."""
    mine = median["ours"]
    times_floor = mine / median["floor"]
    rows = [
        {
            "what": "depth frame to synced book, against typed decoding and integer conversion",
            "measured": f"{times_floor:.2f} x its time ({count / mine:,.0f} messages/s)",
            "target": f"<= {FLOOR_MAX:.0f} x",
            "met": times_floor <= FLOOR_MAX,
        }
    ]
    if "cryptofeed" in median:
        faster, best = median["cryptofeed"] / mine, median["cryptofeed_best"] / mine
        rows += [
            {
                "what": "the same against cryptofeed, its best prices never read",
                "measured": f"{faster:.1f} x ({count / median['cryptofeed']:,.0f} messages/s)",
                "target": "-",
                "met": None,
            },
            {
                "what": "the same against cryptofeed, best bid and ask read from each book",
                "measured": f"{best:.0f} x ({count / median['cryptofeed_best']:,.0f} messages/s)",
                "target": f">= {FASTER_MIN:.0f} x",
                "met": best >= FASTER_MIN,
            },
        ]
    how = (
        f"{count:,} depth frames of a real capture (68 levels each on average), CPU time, median "
        f"of {ROUNDS} rounds in turns; ours is the whole intake with signals and cross-check. The "
        "peer sorts its prices anew when they are read, so it is measured with and without; with, "
        "one round."
    )
    return {"benchmark": "depth", "how": how, "rows": rows}


if __name__ == "__main__":
    main()
