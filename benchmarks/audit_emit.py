"""What ``emit`` costs its caller while the client works: writes, syncs, chains and signs.

One thread emits entries of some 800 bytes at a steady pace, each with states of its own, while the
client's threads bring them to the disk. Each call is timed by itself; the figures are percentiles
over all of them. The bare cost of reading the clock twice is in them.
"""

import argparse
import gc
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from trading_runtime.audit.client.believing import Nobody
from trading_runtime.audit.client.client import Act, AuditClient
from trading_runtime.audit.client.log import Producer, ProducerLog
from trading_runtime.audit.streams.embedded import EmbeddedPublisher
from trading_runtime.evidence.notes import SigningKey

SECONDS = 15
PER_SECOND = 2_000
BURST = 20
"""Emitted one after the other, as one event of the market may cause them."""
P50_US, P99_US = 5.0, 60.0


def state(number: int, status: str) -> dict[str, object]:
    return {
        "status": status,
        "side": "buy",
        "price": f"{60_000 + number % 100}.5",
        "qty": "0.250",
        "filled": "0.125",
        "client_order_id": f"tapedeck-{number:012}",
        "instrument": "BTC-USDT",
        "reduce_only": False,
    }


def act(number: int) -> Act:
    return Act(
        event_type="OrderFilled",
        operation="fill",
        entity_id=f"order:tapedeck-{number:012}",
        trace_id=f"20261121T060000Z/{number}/0",
        before_state=state(number, "open"),  # type: ignore[arg-type]  # JSON, by construction
        after_state=state(number, "filled"),  # type: ignore[arg-type]
        request_data={"fee": "0.01", "fee_asset": "USDT", "trade": number},
    )


def emit_paced(client: AuditClient, seconds: float) -> list[int]:
    """Emit in bursts at the pace; give the nanoseconds of each call."""
    took = []
    number = 0
    begun = time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds:
        acts = [act(number + place) for place in range(BURST)]
        number += BURST
        for one in acts:
            before = time.perf_counter_ns()
            client.emit(one)
            took.append(time.perf_counter_ns() - before)
        ahead = number / PER_SECOND - elapsed
        if ahead > 0:
            time.sleep(ahead)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, help="a folder of the disk to be measured")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.dir) as text:
        folder = Path(text)
        log = ProducerLog.open(
            folder / "wal",
            Producer("bench", "bench", SigningKey.generate("bench")),
            EmbeddedPublisher(folder / "receipts", "bench"),
            Nobody(),
        )
        client = AuditClient(log)
        emit_paced(client, 1)
        gc.collect()
        gc.freeze()
        took = emit_paced(client, chosen.seconds)
        dropped = client.figures().dropped
        client.close()
        size = sum(path.stat().st_size for path in folder.rglob("*.wal")) / log.durable.seq
    cuts = statistics.quantiles(took, n=1000)
    p50, p99, p999 = (cuts[place] / 1000 for place in (499, 989, 998))
    print(f"{len(took)} calls, {size:.0f} bytes each in the log, {dropped} dropped")
    print(
        f"p50 {p50:.1f} us, p99 {p99:.1f} us, p99.9 {p999:.1f} us, longest {max(took) / 1e3:.0f} us"
    )
    rows = [
        {
            "what": f"audit emit at the caller, {name}",
            "measured": f"{measured:.1f} us",
            "target": f"<= {target:.0f} us",
            "met": measured <= target,
        }
        for name, measured, target in (("p50", p50, P50_US), ("p99", p99, P99_US))
    ]
    result = {
        "benchmark": "audit_emit",
        "how": f"{len(took)} calls of emit at {PER_SECOND} a second in bursts of {BURST}, entries "
        f"of {size:.0f} bytes, while the client's threads write, sync, chain and sign; {dropped} "
        "dropped",
        "rows": rows,
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
