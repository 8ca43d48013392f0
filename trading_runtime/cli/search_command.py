"""``tapedeck search``: one query over live files, local archives and object storage.

Exit status: 0 the answer is whole, 2 the question could not be asked, 3 some of what was to be
searched could not be read; what is printed is then what there is.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag

import msgspec

from trading_runtime.clock import wall_ns
from trading_runtime.errors import Fault, Refused
from trading_runtime.records.units import NANOS_PER_SECOND, Module, Nanos
from trading_runtime.store.search import histogram, patterns
from trading_runtime.store.search.far import Store
from trading_runtime.store.search.files import Troubles
from trading_runtime.store.search.line import TS_MIN, Entry, nanos
from trading_runtime.store.search.query import TIME_MAX, Query, levels_from
from trading_runtime.store.search.search import Search
from trading_runtime.store.settings import ArchiveSettings

LIMIT = 200
INCOMPLETE = 3
LOOK_S = 0.25
"""Between two looks for new lines: as often as scribe flushes."""
AGO = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    search = commands.add_parser("search", help="search the logs, wherever they stand")
    search.add_argument(
        "text", nargs="?", default="", metavar="TEXT", help="stands in the line, as it is written"
    )
    search.add_argument("--regex", action="store_true", help="TEXT is a regular expression")
    add_conditions(search)
    search.add_argument("--limit", type=int, metavar="N", help=f"0: all (printed: {LIMIT})")
    search.add_argument("--oldest", action="store_true", help="oldest first")
    how = search.add_mutually_exclusive_group()
    how.add_argument("--follow", action="store_true", help="go on with new lines")
    how.add_argument("--export", type=Path, metavar="FILE", help=".jsonl, .csv or .parquet")
    how.add_argument("--histogram", nargs="?", const="hour", choices=list(histogram.SPANS))
    how.add_argument("--patterns", action="store_true", help="group by what stays the same")
    how.add_argument("--analysis", metavar="NAME", help="a standard one; ? lists them")
    search.add_argument("--json", action="store_true", help="what is no line as JSON")
    search.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
    search.add_argument("--archive", metavar="DIR|s3://BUCKET/PREFIX", help="default: as settings")
    search.add_argument("--endpoint", default="", metavar="URL", help="of an S3 not Amazon's")
    search.add_argument("--settings", type=Path, metavar="FILE", help="for their [archive]")
    search.set_defaults(run=run_search)


def add_conditions(search: argparse.ArgumentParser) -> None:
    """Add what lines have to say; the first four may be given several times."""
    modules = [it.value for it in Module]
    search.add_argument("--module", action="append", choices=modules)
    search.add_argument("--event", action="append", metavar="NAME")
    search.add_argument("--level", action="append", metavar="LEVEL[+]", help="+: and all above")
    search.add_argument("--symbol", action="append", metavar="NAME")
    search.add_argument("--order", default="", metavar="ID", help="ours or the venue's")
    search.add_argument("--trace", default="", metavar="ID", help="<session>/<seq>, or as written")
    search.add_argument("--from", dest="since", metavar="T", help="UTC time, or 15m, 2h, 3d ago")
    search.add_argument("--to", dest="until", metavar="T", help="likewise; not inside")


def query_of(arguments: argparse.Namespace, now: Nanos) -> Query:
    """Read the conditions; raise :exc:`Refused` where one of them is none."""
    if arguments.limit is not None and arguments.limit < 0:
        raise Refused(f"--limit {arguments.limit} is no number of lines")
    if arguments.regex and not arguments.text:
        raise Refused("--regex needs an expression")
    query = Query(
        text=arguments.text,
        is_regex=arguments.regex,
        events=frozenset(arguments.event or ()),
        levels=frozenset().union(*map(levels_from, arguments.level or ())),
        symbols=frozenset(arguments.symbol or ()),
        order=arguments.order,
        trace=arguments.trace,
        since=Nanos(0) if arguments.since is None else moment(arguments.since, now),
        until=TIME_MAX if arguments.until is None else moment(arguments.until, now),
    )
    if query.since >= query.until:
        since, until = arguments.since or "the beginning", arguments.until or "the end"
        raise Refused(f"no time lies between --from {since} and --to {until}")
    return msgspec.structs.replace(query, modules=frozenset(arguments.module or query.modules))


def moment(text: str, now: Nanos) -> Nanos:
    """Read a time: ISO 8601 (UTC where it says nothing else), or so long before ``now``."""
    if text[-1:] in AGO and text[:-1].isdecimal():
        return Nanos(now - int(text[:-1]) * AGO[text[-1]] * NANOS_PER_SECOND)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no time: give ISO 8601 as 2025-11-19T14:00, or 2h") from None
    return nanos(max(read if read.tzinfo else read.replace(tzinfo=UTC), TS_MIN))


def store_of(arguments: argparse.Namespace, troubles: Troubles) -> Store | None:
    """Open the archive that is named, else the settings', else the folder beside the data."""
    settings = archive_settings(arguments.settings)
    location = arguments.archive or settings.location
    endpoint = arguments.endpoint or settings.endpoint
    folder: Path = arguments.data / "archive"
    if location and not location.startswith("s3://"):
        folder = Path(location)
        if not folder.is_dir():
            raise Refused(f"--archive {location} is no folder, and no s3://bucket/prefix")
        location = ""
    if not location and not (folder / "manifests").is_dir():
        return None
    # Not before it is needed: most searches end in what is here.
    from trading_runtime.store.archive.archive import Archive  # noqa: PLC0415 -- loads threads
    from trading_runtime.store.objects import opening  # noqa: PLC0415 -- likewise

    try:
        return Store(Archive(opening.open_for_reading(location, folder, endpoint)), troubles)
    except Refused:
        raise
    except (Fault, OSError) as fault:
        troubles.append(f"the archive was not searched: {fault}")
        return None


def archive_settings(path: Path | None) -> ArchiveSettings:
    if path is None:
        return ArchiveSettings()
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8")).get("archive", {})
        return msgspec.convert(told, ArchiveSettings)
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {error}") from error


def run_search(arguments: argparse.Namespace) -> int:
    """Search, and give the exit status."""
    now = wall_ns()
    query = query_of(arguments, now)
    if arguments.analysis == "?":
        return list_analyses()
    query = narrowed(query, arguments)
    if not arguments.data.is_dir():
        raise Refused(f"--data {arguments.data} is no folder")
    troubles = Troubles()
    search = Search(arguments.data, store_of(arguments, troubles), troubles, now)
    with closing(search):
        answer(search, query, arguments)
    for trouble in troubles:
        sys.stderr.write(f"tapedeck: {trouble}\n")
    return INCOMPLETE if troubles else 0


def list_analyses() -> int:
    from trading_runtime.store.search import analyses  # noqa: PLC0415 -- slow to load

    show("".join(f"{it.name:14} {it.purpose}\n" for it in analyses.known().values()))
    return 0


def narrowed(query: Query, arguments: argparse.Namespace) -> Query:
    """Look at what is to come of the answer before it is searched; raise :exc:`Refused`."""
    if arguments.export:
        from trading_runtime.store.search import export  # noqa: PLC0415 -- slow to load

        export.form_of(arguments.export)
    if arguments.analysis:
        from trading_runtime.store.search import analyses  # noqa: PLC0415 -- likewise

        return analyses.query_of(analyses.named(arguments.analysis), query)
    return query


def answer(search: Search, query: Query, arguments: argparse.Namespace) -> None:
    """Print or write what was found, in the form that was asked for."""
    limit = arguments.limit
    if arguments.follow:
        follow(search, query, LIMIT if limit is None else limit)
        return
    forms = (arguments.export, arguments.histogram, arguments.patterns, arguments.analysis)
    is_printed = not any(forms)
    if limit is None:
        limit = LIMIT if is_printed else 0
    entries = search.entries(query, oldest=arguments.oldest, limit=limit)
    if is_printed:
        print_lines(entries)
    elif arguments.export:
        write_export(arguments.export, entries)
    elif arguments.histogram:
        span = histogram.SPANS[arguments.histogram]
        buckets = histogram.count(entries, span)
        show(as_json(buckets) if arguments.json else histogram.drawn(buckets, span))
    elif arguments.patterns:
        found = patterns.Patterns()
        found.take(entries)
        show(as_json(found.found()) if arguments.json else patterns.listed(found.found()))
    else:
        analyse(arguments.analysis, entries, as_objects=arguments.json)


def write_export(path: Path, entries: Iterable[Entry]) -> None:
    from trading_runtime.store.search import export  # noqa: PLC0415 -- slow to load

    count = export.export(path, entries)
    sys.stderr.write(f"{count} lines in {path}\n")


def analyse(name: str, entries: Iterable[Entry], *, as_objects: bool) -> None:
    from trading_runtime.store.search import analyses  # noqa: PLC0415 -- slow to load

    outcome = analyses.run(analyses.named(name), entries)
    show(analyses.as_json(outcome) + "\n" if as_objects else analyses.as_text(outcome))


def as_json(found: object) -> str:
    return msgspec.json.encode(found).decode() + "\n"


def show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def print_lines(entries: Iterable[Entry]) -> None:
    for entry in entries:
        sys.stdout.buffer.write(entry.line + b"\n")
    sys.stdout.buffer.flush()


def follow(search: Search, query: Query, limit: int) -> None:
    """Print the newest lines in the order of time, then each new one, until interrupted."""
    with closing(search.following(query)) as following:
        print_lines(reversed(list(search.entries(query, limit=limit))))
        pause = Flag()
        while True:
            print_lines(following.news())
            pause.wait(LOOK_S)
