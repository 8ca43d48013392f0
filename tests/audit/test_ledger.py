"""What the venue says was done is what the audit record says: each order and each fill, once."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.invariants import own
from tests.live.trader import Trader, hurried_settings
from tests.live.venue import SimulatedVenue, until
from trading_runtime.cli.audit_ground import trust_of
from trading_runtime.evidence import entry, layout
from trading_runtime.evidence.entry import Entry
from trading_runtime.evidence.frames import FrameReader

ROOT = Path(__file__).parents[2]
TAPEDECK = (sys.executable, "-m", "trading_runtime.cli.main")
WITHIN_S = 180.0


class Auditor:
    """The witness and the audit service of a data folder, as ``up`` starts them."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._witness = self._start("witness")
        self._at = self._line(self._witness, " on ").rpartition(" ")[2].strip()
        self._line(self._witness, "ready")
        self._service = self._serve()

    def kill(self) -> None:
        """Kill the service in the middle of whatever it does, and start it again."""
        self._service.kill()
        self._service.communicate()
        self._service = self._serve()

    def stop(self) -> None:
        for process in (self._service, self._witness):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=WITHIN_S)
            assert process.returncode == 0, process.args

    def _serve(self) -> "subprocess.Popen[str]":
        process = self._start("audit", "run", "--witness-at", f"own={self._at}")
        self._line(process, "ready")
        return process

    def _start(self, *words: str) -> "subprocess.Popen[str]":
        command = [*TAPEDECK, *words, "--data", str(self._data)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def _line(self, process: "subprocess.Popen[str]", wanted: str) -> str:
        assert process.stdout is not None
        for line in process.stdout:
            if wanted in line:
                return line
        raise AssertionError(f"{process.args} never said {wanted}")


@contextmanager
def audited(data: Path) -> Iterator[Auditor]:
    subprocess.run([*TAPEDECK, "audit", "init", "--data", str(data)], cwd=ROOT, check=True)
    auditor = Auditor(data)
    yield auditor
    auditor.stop()


def entries(data: Path) -> list[Entry]:
    frames = FrameReader(layout.log_folder(data / "audit"), trust_of(data).origin)
    return [entry.read(content) for content in frames.entries(0, frames.size)]


def of_orders(found: list[Entry], event_type: str) -> Counter[str]:
    """Count the entries of one type by order."""
    kept = (it for it in found if it.event_type == event_type)
    return Counter(it.entity_id.removeprefix("order:") for it in kept)


def test_every_order_and_fill_of_the_venue_is_an_entry_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = hurried_settings(tmp_path / "settings.toml")
    with audited(data) as auditor, SimulatedVenue(tmp_path / "venue") as venue:
        with Trader(data, settings, venue) as trader:
            until("quotes", WITHIN_S, trader.quotes)
            until("orders", WITHIN_S, lambda: len(venue.books()["orders"]) > 60)
            auditor.kill()
            trader.kill()
            trader.start()
            until("more orders", WITHIN_S, lambda: len(venue.books()["orders"]) > 150)
            auditor.kill()
            trader.stop()
        books = venue.books()
    found = entries(data)

    placed = of_orders(found, "PlaceOrder")
    assert set(placed.values()) == {1}
    assert {row["client_id"] for row in own(books["orders"])} <= set(placed)
    trades = {
        str((it.request_data or {})["venue_trade"])
        for it in found
        if it.event_type == "OrderFilled"
    }
    assert {str(row["trade_id"]) for row in own(books["trades"])} == trades
    assert len(trades) == sum(of_orders(found, "OrderFilled").values())

    for verifier in (
        (*TAPEDECK, "verify", "--data", str(data), "--all"),
        (sys.executable, "tools/audit_verify.py", str(data / "audit")),
    ):
        done = subprocess.run(verifier, cwd=ROOT, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
