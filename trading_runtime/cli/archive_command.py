"""``tapedeck archive ls|verify|restore``: what the archive holds, whether it is whole, and back.

Exit status 0: all is as it was archived. 1: what is not is named on standard error.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from trading_runtime.audit.client.client import Act
from trading_runtime.audit.client.deeds import NOT_KEPT, Deeds
from trading_runtime.audit.rotation import LOCK
from trading_runtime.cli.audit_ground import user_name
from trading_runtime.cli.telling import tell
from trading_runtime.clock import wall_ns
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.errors import Refused
from trading_runtime.journal.alone import alone
from trading_runtime.journal.place import Place
from trading_runtime.records import layout
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import ArchivedFile
from trading_runtime.store.archive.restore import Restored, restore
from trading_runtime.store.objects.opening import open_archive, open_for_reading

MIB = 1 << 20
FOLLOWERS = ("scribe", "audit")
"""Sinks that would write a restored session's lines and entries a second time."""
JOURNAL = "journal"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    archive = commands.add_parser("archive", help="list, verify or restore what was archived")
    verbs = archive.add_subparsers(required=True, metavar="ls|verify|restore")
    _add(verbs, "ls", "list what the archive holds, a partition a line").set_defaults(run=run_ls)
    verify = _add(verbs, "verify", "read every byte back; exit 1 where one is not what it was")
    verify.add_argument(
        "--mend", action="store_true", help="put what is damaged there anew from what is here"
    )
    verify.set_defaults(run=run_verify)
    back = _add(verbs, "restore", "put files back below --data; what is there is never replaced")
    back.add_argument(
        "--followed",
        action="store_true",
        help="scribe and the audit record have what restored sessions say: do not read them again",
    )
    back.set_defaults(run=run_restore)


def _add(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, meaning: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=meaning)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    parser.add_argument(
        "--archive", metavar="DIR|s3://BUCKET/PREFIX", help="another than the settings name"
    )
    parser.add_argument("--endpoint", default="", metavar="URL", help="of an S3 not Amazon's")
    parser.add_argument(
        "--dataset", action="append", metavar="NAME", help="may be repeated (default: all)"
    )
    parser.add_argument("--from", dest="first", default="", metavar="DAY", help="UTC, inside")
    parser.add_argument("--to", dest="last", default="", metavar="DAY", help="UTC, inside")
    return parser


def archive_of(arguments: argparse.Namespace, *, writes: bool = False) -> Archive:
    """Open the archive; only who ``writes`` probes a bucket."""
    settings = load_settings(arguments.settings).archive
    location, folder = arguments.archive or settings.location, arguments.data / "archive"
    endpoint = arguments.endpoint or settings.endpoint
    if writes:
        objects = open_archive(location, folder, endpoint, wall_ns())
        return Archive(objects, labelled=bool(settings.cold_class))
    return Archive(open_for_reading(location, folder, endpoint))


def chosen(archive: Archive, named: Sequence[str] | None) -> list[str]:
    """Give the data sets; raise :exc:`Refused` for one that the archive has not."""
    held = archive.datasets()
    missing = sorted(set(named or ()) - set(held))
    if missing or not held:
        where = archive.objects.capabilities.store
        lacks = f", no {', '.join(missing)}" if missing else " that was archived"
        raise Refused(f"{where} holds {', '.join(held) or 'nothing'}{lacks}")
    return list(named or held)


def run_ls(arguments: argparse.Namespace) -> int:
    archive = archive_of(arguments)
    for dataset in chosen(archive, arguments.dataset):
        for it in archive.all_newest(dataset, arguments.first, arguments.last):
            state = "  expired" if it.expired else ""
            tell(
                f"{dataset}  {it.partition}  version {it.version}  {len(it.files)} files"
                f"  {it.size:,} bytes{state}"
            )
    for sentence in archive.objects.capabilities.absent:
        tell(f"absent: {sentence}")
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    archive, began = archive_of(arguments, writes=arguments.mend), wall_ns()
    files = size = 0
    problems: list[str] = []
    for dataset in chosen(archive, arguments.dataset):
        for it in archive.manifests(dataset, arguments.first, arguments.last):
            found = archive.problems(it)
            problems += [
                why
                for file, why in found.items()
                if not (arguments.mend and mended(archive, dataset, file, arguments.data))
            ]
            files, size = files + len(it.files), size + it.size
    complain(problems)
    tell(f"read {files} files, {speed(size, began)}: {len(problems)} are not what was archived")
    return int(bool(problems))


def mended(archive: Archive, dataset: str, file: ArchivedFile, data: Path) -> bool:
    """Put an object anew, and say so; give false where no file that has its bytes is here."""
    is_mended = archive.mend(dataset, file, data / file.path)
    if is_mended:
        tell(f"put anew: {file.key} from {file.path}")
    return is_mended


def run_restore(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    archive, began = archive_of(arguments), wall_ns()
    datasets = chosen(archive, arguments.dataset)
    told(arguments, datasets, archive.objects.capabilities.store)
    done = restore(archive, data, datasets, arguments.first, arguments.last)
    if arguments.followed:
        mark_followed(data)
    complain([f"{it}: here with other bytes: left as it is" for it in done.edited])
    complain([f"{it}: damaged in the archive: not restored" for it in done.damaged])
    tell(summary(done, began))
    return int(not done.is_equal)


def told(arguments: argparse.Namespace, datasets: list[str], store: str) -> None:
    """Record the restore in the data folder's audit record; say so where there is none."""
    data: Path = arguments.data
    why = Deeds(data, load_settings(arguments.settings).audit).tell(
        Act(
            event_type="ArchiveRestored",
            operation="restore",
            entity_id=f"archive:{','.join(datasets)}",
            user_id=user_name(),
            request_data={"first": arguments.first, "last": arguments.last, "archive": store},
        )
    )
    if why:
        tell(f"not in the audit record: {why}" if why != NOT_KEPT else why)


def mark_followed(data: Path) -> None:
    """Mark every session that is here and that a follower has no place in as done.

    Raises :exc:`Refused` while a follower runs: its place is its own.
    """
    names = {
        it.name
        for journal in map(Path, layout.journals(data))
        for it in journal.glob("[!.]*")
        if it.is_dir()
    }
    running = f"a follower of {data} runs: stop it before sessions are marked as followed"
    with ExitStack() as stack:
        stack.enter_context(alone(Path(layout.offsets(data)) / "lock", running))
        if (audit := Path(layout.audit(data))).exists():
            stack.enter_context(alone(audit / LOCK, running))
        for sink in FOLLOWERS:
            with closing(Place(data, sink)) as place:
                place.store(place.at, place.done | (names - place.at.keys()))


def summary(done: Restored, began: int) -> str:
    return (
        f"restored {done.files} files, {speed(done.size, began)}; {done.same} were here already,"
        f" {len(done.edited)} are here with other bytes, {len(done.damaged)} are damaged"
    )


def speed(size: int, began: int) -> str:
    """Say how much that was, in how long."""
    seconds = (wall_ns() - began) / NANOS_PER_SECOND
    rate = size / MIB / seconds if seconds > 0 else 0.0
    return f"{size:,} bytes in {seconds:.1f} s ({rate:.1f} MiB/s)"


def complain(problems: Sequence[str]) -> None:
    for it in problems:
        print(f"tapedeck: {it}", file=sys.stderr)  # noqa: T201 -- how a command speaks
