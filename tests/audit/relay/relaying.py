"""A process that relays a journal until it has all of it, or is killed.

``python -m tests.audit.relay.relaying DATA`` ends when nothing more comes.
"""

import sys
from pathlib import Path

from trading_runtime.audit.client.believing import TrustFolder
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.relay import relay as relaying
from trading_runtime.audit.relay.relay import Relay
from trading_runtime.audit.streams.embedded import EmbeddedPublisher
from trading_runtime.clock import wall_ns
from trading_runtime.evidence.notes import SigningKey

ORIGIN = "tapedeck.example/test"
RECORDS_A_TURN = 23
"""Few, so that there are many moments to die at."""


def open_log(data: Path) -> ProducerLog:
    audit = data / "audit"
    key = SigningKey.parse((data / "producer.key").read_text())
    return ProducerLog.open(
        audit / "wal",
        Producer("runtime", "audit", key),
        EmbeddedPublisher(audit / "receipts", "runtime"),
        TrustFolder(audit / "trust"),
        LogSettings(batch_entries=10, segment_bytes=65_536),
    )


def main() -> None:
    data = Path(sys.argv[1])
    relaying.TURN_RECORDS_MAX = RECORDS_A_TURN
    log = open_log(data)
    relay = Relay(data, ORIGIN, log, None)
    relay.finish(wall_ns())
    relay.close()


if __name__ == "__main__":
    main()
