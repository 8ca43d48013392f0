"""One process of the audit record, as the user that it was started as: ``python roles.py ROLE …``.

It only wires what the application wires; the files and keys that it may touch are those of its user.
"""

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from threading import Event

from trading_runtime.audit.client.believing import TrustFolder
from trading_runtime.audit.client.client import Act, AuditClient
from trading_runtime.audit.client.log import Producer, ProducerLog
from trading_runtime.audit.keys import read_key
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.embedded import EmbeddedPublisher, EmbeddedSource
from trading_runtime.clock import Clock, wall_ns
from trading_runtime.errors import Halt
from trading_runtime.evidence import layout
from trading_runtime.journal.diary import Diary
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import keep


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stopped() -> Event:
    flag = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: flag.set())
    return flag


def log(audit: Path, *witnesses: str) -> int:
    """The sequencer: ``witnesses`` are name=url."""
    from trading_runtime.audit.run import Idle, Plan, run  # noqa: PLC0415 -- slow to load
    from trading_runtime.audit.sequencer.opening import Order  # noqa: PLC0415 -- likewise

    stop = stopped()
    clock = Clock()
    diary = Diary(audit / "diary", f"log-{wall_ns()}", clock)
    rebuild = "--rebuild" in witnesses
    urls = dict(each.split("=", 1) for each in witnesses if "=" in each)
    order = Order(
        audit,
        AuditSettings(),
        urls,
        lambda place: [EmbeddedSource(audit / "wal", audit / "receipts", place)],
        rebuild_index=rebuild,
        witness_timeout_s=5.0,
    )
    # The archive is another user's; it takes what it wants.
    archive = partial(Folder, audit / "outbox")
    try:
        plan = Plan(order=order, feeder=Idle, archive=archive)
        run(plan, diary, clock.stamp, lambda: say("ready"), stop.is_set)
    except Halt as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    finally:
        diary.close()
    return 0


def producer(audit: Path, name: str, key: str) -> int:
    """A service: each line on its input is a list of acts; it answers when they are on the disk."""
    kept = ProducerLog.open(
        audit / "wal",
        Producer(name, name, read_key(Path(key))),
        EmbeddedPublisher(audit / "receipts", name),
        TrustFolder(audit / "trust"),
    )
    client = AuditClient(kept)
    say("ready")
    for line in sys.stdin:
        acts = [Act(**each) for each in json.loads(line)]
        for act in acts[:-1]:
            client.emit(act)
        client.critical(acts[-1])
        say("kept")
    client.close()
    return 0


def archive(audit: Path, place: str) -> int:
    """Once: bring blocks and digests to the cold copy."""
    from trading_runtime.store.cold.copying import copy  # noqa: PLC0415 -- slow to load

    objects, log_folder = Folder(Path(place)), layout.log_folder(audit)
    copy(audit, objects, None, with_partial=True)
    for number in layout.digest_numbers(log_folder):
        heads = layout.heads_path(log_folder, number).read_bytes()
        keep(objects, layout.heads_key(number), heads, wall_ns())
        note = layout.digest_path(log_folder, number).read_bytes()
        keep(objects, layout.digest_key(number), note, wall_ns())
    return 0


ROLES = {"log": log, "producer": producer, "archive": archive}

if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(ROLES[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:]))
