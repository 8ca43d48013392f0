"""``tapedeck verify`` and ``tapedeck proof``: the audit record, judged offline.

Exit status of ``verify``: 0 all is well, 1 tampered, 2 incomplete (also where the question could
not be asked), 3 stale. ``docs/record-format.md`` has the checks by name.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from trading_runtime.clock import wall_ns
from trading_runtime.errors import Fault, Refused
from trading_runtime.evidence.verify import hot, receipts
from trading_runtime.evidence.verify.archive import Archive, Columns
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.believed import read_trust
from trading_runtime.evidence.verify.findings import Findings
from trading_runtime.evidence.verify.spread import over
from trading_runtime.evidence.verify.verification import Verification
from trading_runtime.evidence.verify.verify import verify
from trading_runtime.records.units import NANOS_PER_SECOND

INCOMPLETE = 2


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands."""
    checking = commands.add_parser("verify", help="verify the audit record, offline")
    what = checking.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="everything (the default)")
    what.add_argument("--entity", metavar="ID", help="one entity, and that there is no more of it")
    what.add_argument(
        "--receipt", type=Path, metavar="FILE", help="one proof, as `proof` writes it"
    )
    checking.add_argument("--entry", type=Path, metavar="FILE", help="the entry of the receipt")
    checking.add_argument("--from", dest="since", type=moment, metavar="T", help="log time, UTC")
    checking.add_argument("--to", dest="until", type=moment, metavar="T", help="log time, UTC")
    checking.add_argument("--json", action="store_true", help="print the report as JSON")
    add_evidence(checking)
    checking.add_argument("--now", type=moment, metavar="T", help="judge freshness as of then")
    checking.add_argument("--fresh-within", type=int, metavar="SECONDS")
    checking.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    checking.set_defaults(run=run_verify)

    proof = commands.add_parser("proof", help="write an inclusion proof for a third party")
    proof.add_argument("event_id", metavar="EVENT_ID")
    proof.add_argument("--out", type=Path, metavar="FILE", help="where to (default: print it)")
    proof.add_argument("--entry", type=Path, metavar="FILE", help="write the entry's bytes there")
    add_evidence(proof)
    proof.set_defaults(run=run_proof)


def add_evidence(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, metavar="DIR", help="a runtime's data folder")
    where.add_argument("--log", type=Path, metavar="DIR", help="the folder log by itself")
    parser.add_argument("--archive", metavar="DIR|s3://BUCKET/PREFIX", help="the cold copy")
    parser.add_argument("--endpoint", default="", metavar="URL", help="of an S3 not Amazon's")
    parser.add_argument("--database", metavar="URL", help="of an index in PostgreSQL")
    parser.add_argument("--trust", type=Path, metavar="DIR", help="trust.json and policy")
    parser.add_argument("--pin", metavar="HEX", help="SHA-256 that trust.json has to have")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a checkpoint from elsewhere: a witness's own copy",
    )


def moment(text: str) -> int:
    """Read a time: seconds since 1970, or ISO 8601 (UTC where it says nothing else)."""
    if text.isdecimal():
        return int(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time") from None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())


def evidence_of(arguments: argparse.Namespace) -> Evidence:
    """Find what there is; raise :exc:`Refused` or :exc:`OSError` where a path leads nowhere."""
    data: Path | None = arguments.data
    log: Path | None = arguments.log if data is None else data / "audit" / "log"
    if log is None and arguments.trust is None:
        raise Refused("give --data or --log; or --trust, with an archive or a receipt alone")
    if log is not None and not log.is_dir():
        raise Refused(f"{log} is no folder: give --data (with audit/log in it) or --log")
    archive, columns = open_archive(arguments)
    return Evidence(
        log=log,
        trust=arguments.trust or (log or Path()).parent / "trust",
        archive=archive,
        columns=columns,
        index=index_of(arguments),
        pin=arguments.pin,
        checkpoints=tuple((str(path), path.read_bytes()) for path in arguments.checkpoint),
    )


def index_of(arguments: argparse.Namespace) -> hot.Rows | None:
    """Give what reads the index: the database that is named, or the file beside the log."""
    if arguments.database:
        from trading_runtime.audit.index.postgres_rows import (  # noqa: PLC0415 -- psycopg
            PostgresRows,
        )

        return PostgresRows(arguments.database)
    file = None if arguments.data is None else arguments.data / "audit" / "index.sqlite"
    return hot.SqliteRows(str(file)) if file is not None and file.exists() else None


def open_archive(arguments: argparse.Namespace) -> tuple[Archive | None, Columns | None]:
    """Open the archive that is named, or the folder beside the data; with what reads Parquet."""
    location: str = arguments.archive or ""
    if not location:
        beside = None if arguments.data is None else arguments.data / "archive"
        if beside is None or not beside.is_dir():
            return None, None
        location = str(beside)
    if location.startswith("s3://"):
        from trading_runtime.store.objects import opening  # noqa: PLC0415 -- boto3 loads for a second

        return opening.open_for_reading(location, Path(), arguments.endpoint), columns_reader()
    from trading_runtime.store.objects.folder import Folder  # noqa: PLC0415 -- only with an archive

    if not Path(location).is_dir():
        raise Refused(f"--archive {location} is no folder, and no s3://bucket/prefix")
    return Folder(Path(location)), columns_reader()


def columns_reader() -> Columns | None:
    """Give what compares Parquet columns; None where pyarrow is not installed."""
    try:
        from trading_runtime.store.cold import columns  # noqa: PLC0415 -- an auditor may have no pyarrow
    except ImportError:
        return None
    return columns.check


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify, print the report, and give its exit status."""

    def asked() -> int:
        since, until = arguments.since, arguments.until
        if since is not None and until is not None and since >= until:
            # Nothing lies between them, and of nothing all is well.
            raise Refused("no time lies between --from and --to")
        receipt: Path | None = arguments.receipt
        entry: Path | None = arguments.entry
        now = wall_ns() // NANOS_PER_SECOND if arguments.now is None else arguments.now
        question = Question(
            now=now,
            since=since,
            until=until,
            fresh_within=arguments.fresh_within,
            entity=arguments.entity,
            receipt=None if receipt is None else receipt.read_bytes(),
            entry=None if entry is None else entry.read_bytes(),
        )
        with over(arguments.jobs) as spread:
            report = verify(evidence_of(arguments), question, spread)
        sys.stdout.write(report.json().decode() + "\n" if arguments.json else report.text())
        return report.exit_status

    return incomplete_if_not(asked)


def run_proof(arguments: argparse.Namespace) -> int:
    """Write the proof of an event in the newest witnessed checkpoint."""

    def asked() -> int:
        evidence = evidence_of(arguments)
        findings = Findings()
        believed = read_trust(evidence.trust, evidence.pin, findings)
        if believed is None:
            raise Refused(f"nobody is believed: {findings.sorted()[0].said} ({evidence.trust})")
        run = Verification(evidence, Question(now=0), believed, findings)
        found = receipts.find_event(run, arguments.event_id)
        text = receipts.prove(run, found)
        if arguments.entry is not None:
            arguments.entry.write_bytes(found.entry)
        if arguments.out is None:
            sys.stdout.write(text.decode())
        else:
            arguments.out.write_bytes(text)
        return 0

    return incomplete_if_not(asked)


def incomplete_if_not(asked: Callable[[], int]) -> int:
    """Give the status of a question; 2 where it could not be asked, for 1 says tampered."""
    try:
        return asked()
    except (Fault, OSError) as failed:
        sys.stderr.write(f"tapedeck: {failed}\n")
        return INCOMPLETE
