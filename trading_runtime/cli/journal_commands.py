"""``tapedeck journal ls|cat|verify``: look at the record without running anything."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.journal.folder import find_sessions, is_being_written, segment_files
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.verify import Verdict, verify_session
from trading_runtime.records.envelope import Kind, Record, decode_body


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its three verbs."""
    journal = commands.add_parser("journal", help="list, print or verify recorded sessions")
    verbs = journal.add_subparsers(required=True, metavar="ls|cat|verify")

    ls = verbs.add_parser("ls", help="list sessions, oldest first")
    ls.add_argument("data", type=Path, metavar="DATA_DIR")
    ls.set_defaults(run=list_sessions)

    cat = verbs.add_parser("cat", help="print records, one JSON object a line")
    cat.add_argument("data", type=Path, metavar="DATA_DIR")
    cat.add_argument("--session", help="which session (default: the newest)")
    cat.add_argument("--from", dest="first", type=int, default=1, metavar="SEQ")
    cat.add_argument("--to", dest="last", type=int, default=sys.maxsize, metavar="SEQ")
    cat.add_argument("--kind", choices=[kind.name.lower() for kind in Kind])
    cat.add_argument("--event", help="only events of this name")
    cat.set_defaults(run=print_records)

    verify = verbs.add_parser("verify", help="read every byte; exit 1 at the first damage")
    verify.add_argument("data", type=Path, metavar="DATA_DIR")
    verify.add_argument("--session", help="which session (default: all)")
    verify.set_defaults(run=verify_sessions)


def chosen_sessions(data: Path, session: str | None) -> list[Path]:
    """Give the folders of all sessions or of one; raise :exc:`Refused` where there is none."""
    folders = find_sessions(data)
    if session is not None:
        folders = [folder for folder in folders if folder.name == session]
    if not folders:
        raise Refused(f"no {'session ' + session if session else 'sessions'} below {data}/journal")
    return folders


def list_sessions(arguments: argparse.Namespace) -> int:
    for folder in chosen_sessions(arguments.data, None):
        files = segment_files(folder)
        here = [file for file in files if file.path.exists()]
        size = sum(file.path.stat().st_size for file in here)
        state = "open" if is_being_written(folder) else "closed"
        gone = len(files) - len(here)
        pruned = f", {gone} in the archive alone" if gone else ""
        print(f"{folder.name}  {state}  {len(files)} segments{pruned}  {size:,} bytes")  # noqa: T201 -- its purpose
    return 0


def print_records(arguments: argparse.Namespace) -> int:
    folder = chosen_sessions(arguments.data, arguments.session)[-1]
    wanted = Kind[arguments.kind.upper()] if arguments.kind else None
    write = sys.stdout.write
    for record in records_between(folder, arguments.first, arguments.last):
        if wanted is None or record.kind is wanted:
            line = record_line(record)
            if arguments.event is None or f'"event":"{arguments.event}"' in line:
                write(line + "\n")
    return 0


def records_between(folder: Path, first: int, last: int) -> Iterator[Record]:
    for record in read_session(folder):
        if record.seq > last:
            return
        if record.seq >= first:
            yield record


def record_line(record: Record) -> str:
    """Give a record as JSON; bytes are base64, as they may be no text."""
    body = decode_body(record.body)
    values = msgspec.msgpack.decode(record.body)[1:]
    fields = {
        name: _shown(value) for name, value in zip(body.__struct_fields__, values, strict=False)
    }
    head = {
        "seq": record.seq,
        "kind": record.kind.name.lower(),
        "at": record.stamp.at,
        "wall": record.stamp.wall,
        "event": body.name(),
    }
    return msgspec.json.encode(head | fields).decode()


def _shown(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.decode("ascii")
        except UnicodeDecodeError:
            return value
    return value


def verify_sessions(arguments: argparse.Namespace) -> int:
    verdicts: list[Verdict] = []
    for folder in chosen_sessions(arguments.data, arguments.session):
        verdict = verify_session(folder)
        verdicts.append(verdict)
        print(msgspec.json.encode(verdict).decode())  # noqa: T201 -- its purpose
    return int(any(verdict.problem for verdict in verdicts))
