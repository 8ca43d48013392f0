"""``tapedeck days``: a data folder as some days of recording leave it, made in minutes."""

import argparse
from collections.abc import Callable
from pathlib import Path

import msgspec

from trading_runtime.audit.keys import Charter
from trading_runtime.cli.audit_command import PRODUCERS, named_roles
from trading_runtime.cli.telling import tell
from trading_runtime.clock import wall_ns
from trading_runtime.config import SHIPPED, Settings, load_settings
from trading_runtime.days.pace import paced, watching
from trading_runtime.days.record import Keeper, SetClock
from trading_runtime.days.recording import Whole, record
from trading_runtime.days.story import HOURS_PER_DAY, Story, parse_start, story_of
from trading_runtime.errors import Refused
from trading_runtime.journal.folder import find_sessions
from trading_runtime.records.units import Nanos
from trading_runtime.store.hours import HOUR_NS, hour_at

SEED = 7
PAST_HOURS = 2
PAST_SLOWNESS = 8.0
"""Some messages a second: slower than that, and the checks find the market too silent."""
WRITTEN = "days.json"
"""In the data folder: what was made up, and what came of it."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("days", help="record days that are made up, in minutes")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="a new folder")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--days", type=int, metavar="N")
    length.add_argument("--hours", type=int, metavar="N")
    length.add_argument(
        "--until",
        metavar="DAY",
        help="record nothing: let the audit record of made up days take in what was said since",
    )
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed gives the same bytes")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="DAY",
        help="YYYY-MM-DD or YYYY-MM-DDTHH, UTC (default: so that they end with the last midnight)",
    )
    parser.add_argument("--without-audit", action="store_true", help="begin no audit record")
    parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record, and write down what was made; refuse a folder that holds sessions."""
    data: Path = arguments.data.absolute()
    if arguments.until is not None:
        return go_on(data, load_settings(arguments.settings), parse_start(arguments.until))
    if find_sessions(data):
        raise Refused(f"{data} holds sessions: days are made in a folder of their own")
    hours = arguments.hours or arguments.days * HOURS_PER_DAY
    start = parse_start(arguments.start) if arguments.start else start_before(wall_ns(), hours)
    story = story_of(start, hours, arguments.seed)
    settings = load_settings(arguments.settings)
    charter = (
        None if arguments.without_audit else charter_of(settings.audit.digest_period_s, story.seed)
    )
    made = record(
        Whole(
            data=data,
            story=story,
            settings=paced(settings),
            settings_path=arguments.settings,
            charter=charter,
        ),
        tell,
    )
    written = msgspec.json.format(msgspec.json.encode({"story": story, "made": made}))
    (data / WRITTEN).write_bytes(written)
    tell(f"{made.frames:,} messages in {made.hours} hours; the story is in {data / WRITTEN}")
    return 0


def go_on(data: Path, settings: Settings, at: Nanos) -> int:
    """Open the audit record as of ``at``, take in what its producers have written, and close it."""
    keeper = Keeper(data, settings.audit, SEED, SetClock(at))
    keeper.take()
    keeper.close()
    tell(f"the audit record has taken in what was said until {hour_at(at).name}")
    return 0


def record_past(data: Path, settings: Settings, path: Path, say: Callable[[str], None]) -> None:
    """Record the two hours before this one, in which nothing was traded; damage the second.

    So that somebody who has just begun has an hour that can be taken to the lake, and sees what
    becomes of one that must not be.
    """
    start = start_before(wall_ns(), PAST_HOURS)
    story = Story(first=start, hours=PAST_HOURS, seed=SEED, damaged=PAST_HOURS - 1)
    record(
        Whole(
            data=data,
            story=story,
            settings=watching(settings),
            settings_path=path,
            trading=False,
            slowness=PAST_SLOWNESS,
        ),
        say,
    )


def start_before(now: Nanos, hours: int) -> Nanos:
    """Give where ``hours`` start that end with the last midnight (of less than a day: hour)."""
    span = HOUR_NS * (HOURS_PER_DAY if hours >= HOURS_PER_DAY else 1)
    return Nanos(now // span * span - hours * HOUR_NS)


def charter_of(period_s: int, seed: int) -> Charter:
    """Give the charter of a record that is made up too, and says so in its name."""
    return Charter(
        origin=f"tapedeck.days/{seed}",
        roles=named_roles([]),
        producers=PRODUCERS,
        period_s=period_s,
    )
