"""A service that is killed: it tells each critical act once it is allowed to do it."""

import sys
import threading
from itertools import count
from pathlib import Path

from trading_runtime.audit.client.believing import Nobody
from trading_runtime.audit.client.client import Act, AuditClient
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.streams.embedded import EmbeddedPublisher
from trading_runtime.evidence.notes import Kind, SigningKey


def main() -> None:
    folder = Path(sys.argv[1])
    log = ProducerLog.open(
        folder / "wal",
        Producer("console", "console", SigningKey("producer", Kind.ED25519, b"c" * 32)),
        EmbeddedPublisher(folder / "receipts", "console"),
        Nobody(),
        LogSettings(segment_bytes=8192),
    )
    client = AuditClient(log)

    def chatter() -> None:
        for number in count():
            request = {"hot": number}
            client.emit(
                Act(event_type="Told", operation="tell", entity_id="user:b", request_data=request)
            )
            if number % 50 == 0:
                threading.Event().wait(0.02)

    threading.Thread(target=chatter, daemon=True).start()
    for number in count():
        client.critical(
            Act(
                event_type="KeyChanged",
                operation="change",
                entity_id="key:live",
                request_data={"number": number},
            )
        )
        sys.stdout.write(f"{log.boot} {number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
