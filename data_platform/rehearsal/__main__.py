"""``python -m data_platform.rehearsal``: make days up, and take the platform through them.

The exit status is 0 only if everything that was looked at is as it has to be.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

from data_platform.errors import Refused
from data_platform.rehearsal.place import ArchivePlace, look
from trading_runtime.errors import Fault

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m data_platform.rehearsal", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--days", default="3", metavar="N")
    length.add_argument("--hours", metavar="N")
    parser.add_argument("--seed", default="7")
    parser.add_argument("--from", dest="start", metavar="DAY", help="YYYY-MM-DD, UTC")
    parser.add_argument("--archive", metavar="DIR|s3://BUCKET/PREFIX", help="default: in --data")
    parser.add_argument("--endpoint", default="", metavar="URL", help="of an S3 not Amazon's")
    arguments = parser.parse_args()
    data: Path = arguments.data.absolute()
    # The definitions read where they are from the environment, as they do under Dagster's daemon.
    os.environ |= {"TAPEDECK_DATA": str(data), "GX_ANALYTICS_ENABLED": "false"}  # noqa: TID251 -- see above
    # Dagster warns of each of its own words that is a preview; they are pinned.
    warnings.simplefilter("ignore")
    place = ArchivePlace(arguments.archive or str(data / "archive"), arguments.endpoint)
    try:
        look(data, place)
    except (Fault, Refused) as refused:
        say(str(refused))
        return 2
    from data_platform.rehearsal.programme import Wish, play  # noqa: PLC0415 -- reads it

    length_of = ("--hours", arguments.hours) if arguments.hours else ("--days", arguments.days)
    start = ("--from", arguments.start) if arguments.start else ()
    days = (*length_of, *start, "--seed", arguments.seed)
    began = time.monotonic()
    holds = play(Wish(data, days, place, HERE / "settings.toml"), say)
    say(
        f"{'all of it holds' if holds else 'NOT all of it holds'}; {time.monotonic() - began:.0f} s"
    )
    return 0 if holds else 1


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- how a command speaks


if __name__ == "__main__":
    sys.exit(main())
