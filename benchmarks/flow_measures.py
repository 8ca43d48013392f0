"""Print the table of docs/flow.md: generated flow beside recorded flow, measure by measure.

python -m benchmarks.flow_measures ../shared/data/captures/hftbacktest_binance_20240808
"""

import sys
from pathlib import Path

import msgspec

from trading_runtime.gateway.capture import Capture
from trading_runtime.simulator.flow import Flow
from trading_runtime.simulator.measures import RANGES, Measures, Tape, measure
from trading_runtime.simulator.recording import START_NS
from trading_runtime.simulator.settings import FlowSettings

SEEDS = (7, 8, 9)
SECONDS = 300
RECORDED = {
    "USDM BTCUSDT": (("usdm/btcusdt_20240808.gz",), "0.10"),
    "USDM ETHUSDT": (("usdm/ethusdt_20240808.gz",), "0.01"),
    "spot BTCUSDT": (("spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"), "0.01"),
}


def generated(seed: int) -> Measures:
    settings = FlowSettings(seed=seed)
    frames = Flow(settings, START_NS).advance(START_NS + SECONDS * 1_000_000_000)
    return measure(Tape(frames, settings.tick))


def recorded(paths: list[Path], tick: str) -> Measures:
    return measure(Tape(((line.at_ns, line.payload) for line in Capture(paths)), tick))


def main(folder: Path | None) -> None:
    columns = {f"seed {seed}": generated(seed) for seed in SEEDS}
    if folder:
        for name, (files, tick) in RECORDED.items():
            columns[name] = recorded([folder / file for file in files], tick)
    print("| measure | range | " + " | ".join(columns) + " |")
    print("| --- | --- |" + " ---: |" * len(columns))
    for name in Measures.__struct_fields__:
        low, high = RANGES.get(name, (0.0, 0.0))
        bounds = f"{low:g} to {high:g}" if high else ""
        values = (msgspec.structs.asdict(column)[name] for column in columns.values())
        print(f"| `{name}` | {bounds} | " + " | ".join(f"{value:.3g}" for value in values) + " |")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
