"""Exact encode + chain + leaf of audit entries, against ``rfc8785`` with the same chain and leaf.

Both write the same entries of an order's life as RFC 8785 bytes, hash them for the chain of their
entity and as a leaf, and append the leaf to the tree. Ours checks that the bytes are exact and
ambiguous values are refused, as does the oracle. They take turns in short rounds on one core; a
figure is the median over the rounds of processor time, so that other work counts little.
Beside it: a producer's submission, the sequencer's seal, and an auditor's reading of an entry.
"""

import statistics
from collections.abc import Callable
from time import process_time_ns

import msgspec
import rfc8785

from trading_runtime.evidence import canonical, entry, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.submission import Deed
from trading_runtime.records.merkle import CompactRange, leaf_hash

ORIGIN = "log.example/tapedeck"
ENTRIES = 200
"""A round of ours takes some milliseconds; one of the oracle's, a tenth of them, likewise."""
ORACLE_ENTRIES = 20
ROUNDS = 150
TARGET = 6.0
AT = 1_763_560_000_000_000_000
HASH = "ab" * 32

Round = Callable[[], None]


def deed(number: int) -> Deed:
    """Give a fill as the runtime tells it: about 800 bytes of entry."""
    order = {"side": "buy", "price": f"60{number:03}.40", "qty": "0.012", "venue": "binance-usdm"}
    return Deed(
        event_id=submission.event_id("20251119T140640-paper-1", number, 0),
        event_time_ns=AT + number * 1_000_003,
        service_name="tapedeck",
        event_type="OrderFilled",
        trace_id=f"20251119T140640-paper-1/{number}/0",
        user_id=None,
        entity_id=f"order:tape-{number:012}",
        client_ip=None,
        operation="place",
        before_state={"state": "resting", "filled": "0.000", "revision": 1, **order},
        after_state={
            "state": "done",
            "filled": "0.012",
            "revision": 2,
            "fills": [{"id": f"{number}", "price": order["price"], "maker": True}],
            **order,
        },
        request_data={"instrument": "BTCUSDT", "limits": ["size_max", "position_max"], "slot": 3},
    )


def objects() -> list[JsonObject]:
    """Give whole entries, as objects that nobody has written yet."""
    found = []
    for number in range(1, ENTRIES + 1):
        written = submission.write(deed(number), "runtime", "20251119T140640-paper-1", number, None)
        found.append(canonical.decode(entry.seal(written, HASH, 2)))
    return found


def chained(encode: Callable[[JsonObject], bytes], entries: list[JsonObject]) -> Round:
    """Give a round of encode, chain and leaf; a chain's hash goes into the entity's next entry."""

    def run() -> None:
        tree, heads = CompactRange(), {}
        for one in entries:
            data = encode(one)
            heads[one["entityId"]] = entry.current_hash(data)
            tree.append(leaf_hash(data))

    return run


def each(function: Callable[[bytes], object], parts: list[bytes]) -> Round:
    def run() -> None:
        for part in parts:
            function(part)

    return run


def processor_ns(run: Round) -> int:
    begun = process_time_ns()
    run()
    return process_time_ns() - begun


def measure(rounds: dict[str, tuple[Round, int]]) -> dict[str, list[float]]:
    """Give the nanoseconds of an entry for each round, the rounds taking turns."""
    found: dict[str, list[float]] = {name: [] for name in rounds}
    for _ in range(ROUNDS):
        for name, (run, count) in rounds.items():
            found[name].append(processor_ns(run) / count)
    return found


def main() -> None:
    entries = objects()
    for one in entries:
        if canonical.encode(one) != rfc8785.dumps(one):
            raise SystemExit(f"{one} is written in two ways")
    deeds = [deed(number) for number in range(1, ENTRIES + 1)]
    submitted = [submission.write(one, "runtime", "boot", 1, None) for one in deeds]
    sealed = [entry.seal(one, HASH, 2) for one in submitted]

    def write_all() -> None:
        for one in deeds:
            submission.write(one, "runtime", "boot", 1, None)

    found = measure(
        {
            "ours": (chained(canonical.encode, entries), ENTRIES),
            "oracle": (chained(rfc8785.dumps, entries[:ORACLE_ENTRIES]), ORACLE_ENTRIES),
            "write": (write_all, ENTRIES),
            "seal": (each(lambda part: entry.seal(part, HASH, 2), submitted), ENTRIES),
            "read": (each(entry.read, sealed), ENTRIES),
            "sha256": (each(entry.current_hash, sealed), ENTRIES),
        }
    )
    median = {name: statistics.median(times) for name, times in found.items()}
    ratio = statistics.median(
        oracle / ours for oracle, ours in zip(found["oracle"], found["ours"], strict=True)
    )
    size = statistics.mean(map(len, sealed))
    for name, time_ns in median.items():
        print(f"{name:8} {time_ns / 1000:8.2f} us an entry")
    print(f"ratio    {ratio:8.2f}")
    result = {
        "benchmark": "audit_encode",
        "how": f"entries of {size:.0f} bytes, in rounds that take turns on one core; medians of "
        "processor time; a ratio is the median over the rounds",
        "ratio": round(ratio, 2),
        "rows": [
            {
                "what": "audit entry: exact encode + chain + leaf, one core",
                "measured": f"{1e9 / median['ours']:,.0f} /s, {ratio:.1f} x rfc8785 with the same "
                f"chain ({1e9 / median['oracle']:,.0f} /s)",
                "target": f">= {TARGET:.0f} x",
                "met": ratio >= TARGET,
            },
            {
                "what": "audit entry: submit, seal, read strictly; its bare SHA-256",
                "measured": f"{median['write'] / 1000:.1f} us, {median['seal'] / 1000:.1f} us, "
                f"{median['read'] / 1000:.1f} us; {median['sha256'] / 1000:.1f} us",
                "target": "-",
                "met": None,
            },
        ],
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
