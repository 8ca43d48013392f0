"""A runtime as far as its watchdog sees one: it holds a lease, beats, and would send when asked.

``python -m tests.watch.holder DATA LENGTH_MS``: says ``held``; then each line on standard input is
answered: ``send`` with ``sent`` or why not, ``release`` ends it in order.
"""

import select
import sys
from pathlib import Path

from trading_runtime.clock import mono_ns
from trading_runtime.lease import Lease
from trading_runtime.records.units import Nanos

BEAT_S = 0.02


def main() -> None:
    data, length_ms = Path(sys.argv[1]), int(sys.argv[2])
    lease = Lease.take(data, Nanos(length_ms * 1_000_000), mono_ns())
    say("held")
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], BEAT_S)
        lease.beat(mono_ns())
        if readable:
            line = sys.stdin.readline().strip()
            if line == "release":
                lease.release()
                say("released")
                return
            if not line:
                return
            say(lease.may_send(mono_ns()) or "sent")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
