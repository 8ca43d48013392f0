"""Taking care of the audit record: search, copy, prune, rotate, erase, fork, and how it stands."""

import argparse
from datetime import datetime
from pathlib import Path

import msgspec

from trading_runtime.audit import rotation
from trading_runtime.audit.client.opening import open_producer
from trading_runtime.audit.index.index import Query
from trading_runtime.audit.index.opening import open_index
from trading_runtime.audit.privacy.erasure import DAY_NS, Erasure, erase
from trading_runtime.audit.privacy.subjects import PREFIX
from trading_runtime.audit.rotation import LOCK, Rotated
from trading_runtime.audit.streams.opening import make_streams
from trading_runtime.cli.audit_ground import (
    add_deed,
    archive_of,
    audit_of,
    subjects_of,
    trust_of,
    user_name,
    vkey_of,
)
from trading_runtime.cli.telling import tell
from trading_runtime.clock import wall_ns
from trading_runtime.config import load_settings
from trading_runtime.errors import Refused
from trading_runtime.evidence import entry, trust
from trading_runtime.evidence import layout as places
from trading_runtime.evidence.index_row import IndexRow
from trading_runtime.journal.alone import alone
from trading_runtime.journal.durable import make_folder, sync_folder
from trading_runtime.records.units import Nanos

COLD = ("digests", "heads", "blocks")
"""What the audit record has in the archive; others keep things there too."""
OPERATIONS = "opskit"
"""The producer of what is done to the record from here."""


def add_to(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    _add_search(deeds)
    archive = add_deed(deeds, "archive", "copy entries to the archive now, the last block in part")
    archive.set_defaults(run=run_archive)
    _add_rotate(deeds)
    _add_policy(deeds)
    _add_fork(deeds)
    _add_erase(deeds)
    _add_tables(deeds)
    _add_streams(deeds)
    status = add_deed(deeds, "status", "print the figures of the service and of the tamper watch")
    status.set_defaults(run=run_status)


def _add_search(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    search = add_deed(deeds, "search", "find entries, newest first, one JSON object a line")
    for option, meaning in (
        ("entity", "entity id, whole"),
        ("user", "user id, whole"),
        ("type", "event type"),
        ("service", "service name"),
        ("from", "UTC time, inside"),
        ("to", "UTC time, outside"),
        ("text", "anywhere in the states, the request or the operation"),
    ):
        search.add_argument(f"--{option}", dest=f"by_{option}", metavar="TEXT", help=meaning)
    search.add_argument(
        "--reveal", action="store_true", help="decrypt user and address, where the key is held"
    )
    search.add_argument("--before", type=int, metavar="INDEX", help="the page before this entry")
    search.add_argument("--limit", type=int, default=100)
    search.set_defaults(run=run_search)


def _add_rotate(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rotate = add_deed(
        deeds, "rotate", "put a new key in the place of an old one; prints the new pin"
    )
    rotate.add_argument("role", choices=("log", "digest", "producer", "witness"))
    rotate.add_argument("--name", metavar="NAME", help="of the producer or the witness")
    rotate.add_argument("--vkey", metavar="VKEY", help="of a key that was made elsewhere")
    rotate.add_argument(
        "--stolen", action="store_true", help="the witness's old key counts no more"
    )
    rotate.set_defaults(run=run_rotate)


def _add_policy(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    policy = add_deed(deeds, "policy", "put another policy in place (witnesses, quorum)")
    policy.add_argument("file", type=Path, metavar="FILE", help="a C2SP tlog-policy")
    policy.set_defaults(run=run_policy)


def _add_fork(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    forking = add_deed(
        deeds, "fork", "begin a log that follows one that cannot go on; prints its pin"
    )
    forking.add_argument("--origin", required=True, metavar="NAME", help="of the new log")
    forking.add_argument("--reason", required=True, metavar="TEXT")
    forking.set_defaults(run=run_fork)


def _add_erase(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    erasing = add_deed(deeds, "erase", "destroy the key of a person whose fields are encrypted")
    erasing.add_argument("subject", metavar="USER")
    erasing.add_argument("--reason", required=True, metavar="TEXT")
    erasing.set_defaults(run=run_erase)


def _add_tables(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    tables = add_deed(deeds, "tables", "make the index's tables in PostgreSQL, as their owner")
    tables.add_argument("--database", required=True, metavar="URL", help="as the owner")
    tables.add_argument("--writer", required=True, metavar="ROLE", help="whom the service runs as")
    tables.add_argument("--watcher", required=True, metavar="ROLE", help="whom the watch runs as")
    tables.set_defaults(run=run_tables)


def _add_streams(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    streams = add_deed(deeds, "streams", "make the streams or topics, as their administrator")
    streams.add_argument(
        "--servers",
        required=True,
        metavar="URL",
        help="as the administrator; written as audit.servers",
    )
    streams.add_argument("--replicas", type=int, default=3, metavar="N")
    streams.set_defaults(run=run_streams)


def check_times(*times: str | None) -> None:
    """Raise :exc:`Refused` for a time that is none: entries are compared with it as text."""
    for it in times:
        try:
            datetime.fromisoformat(it or "2026-01-01")
        except ValueError:
            raise Refused(f"{it!r} is no time: give ISO 8601 as 2025-11-19T14:00") from None


def run_search(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    check_times(arguments.by_from, arguments.by_to)
    settings = load_settings(arguments.settings).audit
    user = arguments.by_user
    if user is not None and settings.encrypt_personal:
        subjects = subjects_of(data)
        if not subjects.holds(user):
            return 0  # never seen, or erased: to look for a person makes no key
        user = subjects.conceal(user, user)
    origin = trust_of(data).origin
    index = open_index(audit_of(data), settings.database, origin, only_reads=True)
    try:
        found = index.search(
            Query(
                entity=arguments.by_entity,
                user=user,
                event_type=arguments.by_type,
                service=arguments.by_service,
                since=arguments.by_from,
                until=arguments.by_to,
                text=arguments.by_text,
                before=arguments.before,
                limit=arguments.limit,
            )
        )
    finally:
        index.close()
    for row in found:
        tell(line_of(row, revealed(row, data) if arguments.reveal else ""))
    return 0


def line_of(row: IndexRow, also: str) -> str:
    """Give a found entry with what is not in its bytes: where it stands, and its hash."""
    told = f'"index":{row.id},"currentHash":"{row.current_hash}"{also}'
    return f'{{{told},"entry":{row.canonical}}}'


def revealed(row: IndexRow, data: Path) -> str:
    """Give the encrypted fields of an entry in the clear, null where the key was destroyed."""
    subjects = subjects_of(data)
    known = entry.read(row.canonical.encode())
    fields = {"userId": known.user_id, "clientIp": known.client_ip}
    clear = {
        name: subjects.reveal(text)
        for name, text in fields.items()
        if text is not None and text.startswith(PREFIX)
    }
    return f',"revealed":{msgspec.json.encode(clear).decode()}'


def run_archive(arguments: argparse.Namespace) -> int:
    from trading_runtime.store.cold.copying import copy  # noqa: PLC0415 -- pyarrow, not for `run`

    data: Path = arguments.data
    settings = load_settings(arguments.settings).audit
    now = wall_ns()
    until = Nanos(now + settings.retention_days * DAY_NS)
    objects = archive_of(data, settings)
    for segment in copy(audit_of(data), objects, until, with_partial=True):
        tell(f"{segment.key} {segment.count} entries, {segment.bytes} bytes")
    for sentence in objects.capabilities.absent:
        tell(f"absent: {sentence}")
    return 0


def run_rotate(arguments: argparse.Namespace) -> int:
    rotated = rotate(arguments)
    tell(f"key {rotated.vkey}")
    tell(f"pin {rotated.pin}")
    return 0


def rotate(arguments: argparse.Namespace) -> Rotated:
    """Rotate as the arguments say; raise :exc:`Refused` while the audit service runs."""
    audit = audit_of(arguments.data)
    vkey = None if arguments.vkey is None else vkey_of(arguments.vkey)
    match arguments.role:
        case "log":
            return rotation.rotate_log_key(audit)
        case "digest":
            return rotation.rotate_digest_key(audit)
        case _ if not arguments.name:
            raise Refused(f"which {arguments.role}? name it with --name")
        case "producer":
            return rotation.rotate_producer_key(audit, arguments.name, wall_ns(), vkey)
        case _:
            return rotation.rotate_witness_key(audit, arguments.name, vkey, stolen=arguments.stolen)


def run_policy(arguments: argparse.Namespace) -> int:
    tell(f"pin {rotation.change_policy(audit_of(arguments.data), arguments.file.read_bytes())}")
    return 0


def run_fork(arguments: argparse.Namespace) -> int:
    """Declare a fork; raise :exc:`Refused` while the audit service runs."""
    from trading_runtime.audit.sequencer.fork import Asked, fork  # noqa: PLC0415 -- slow to load

    audit = audit_of(arguments.data)
    archive = load_settings(arguments.settings).audit.archive
    asked = Asked(arguments.origin, arguments.reason, user_name())
    with alone(audit / LOCK, "the audit service runs: a log that goes on needs no fork"):
        if archive:
            tell(f"{archive} stays the old log's: name another prefix in the settings")
        else:
            put_archive_aside(arguments.data)
        tell(f"pin {fork(audit, asked, wall_ns())}")
    return 0


def put_archive_aside(data: Path) -> None:
    """Move the cold copy in the default folder to the old log: the new one counts from 1 again."""
    audit = audit_of(data)
    old = audit / "forked" / trust.pin(places.trust_path(audit).read_bytes()) / "archive"
    make_folder(old)
    for name in COLD:
        if (data / "archive" / name).exists():
            (data / "archive" / name).rename(old / name)
    sync_folder(old)
    sync_folder(data)


def run_erase(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    settings = load_settings(arguments.settings).audit
    erasure = Erasure(
        subject=arguments.subject,
        by=user_name(),
        reason=arguments.reason,
        retention_days=settings.retention_days,
    )
    log = open_producer(data, settings, OPERATIONS)
    origin = trust_of(data).origin
    index = open_index(audit_of(data), settings.database, origin, only_reads=True)
    try:
        name = erase(erasure, subjects_of(data), index, lambda deed: log.append([deed]), wall_ns())
    finally:
        index.close()
        log.stop()
    tell(f"destroyed the key {name}")
    return 0


def run_tables(arguments: argparse.Namespace) -> int:
    from trading_runtime.audit.index.postgres import make_tables  # noqa: PLC0415 -- psycopg

    origin = trust_of(arguments.data).origin
    make_tables(arguments.database, origin, arguments.writer, arguments.watcher)
    tell(f"the tables of {origin} are there; {arguments.writer} writes, {arguments.watcher} reads")
    return 0


def run_streams(arguments: argparse.Namespace) -> int:
    kind = load_settings(arguments.settings).audit.stream
    make_streams(kind, arguments.servers, arguments.replicas)
    tell(f"the {kind} streams are there, {arguments.replicas} replicas each")
    return 0


def run_status(arguments: argparse.Namespace) -> int:
    audit = audit_of(arguments.data)
    files = (audit / "metrics.prom", audit / "watch" / "metrics.prom")
    found = [file for file in files if file.exists()]
    if not found:
        raise Refused(f"nothing keeps or watches the record below {audit}: tapedeck audit run")
    for file in found:
        tell(file.read_text().rstrip())
    return 0
