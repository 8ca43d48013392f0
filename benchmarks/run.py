"""Run every benchmark and write the table of ``benchmarks/README.md`` (``make bench``).

Each script is a process of its own and ends its output with one line of JSON::

    {"benchmark": "depth", "how": "one or two sentences",
     "rows": [{"what": "…", "measured": "…", "target": "…", "met": true}]}

``met`` is null where a figure is reported and has no target. Only a run of all scripts rewrites the
table; ``run.py depth latency`` prints theirs and leaves the file alone. Exit 1 when a script
failed; a missed target is written down and is no failure, for the machine may be busy.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
README = HERE / "README.md"
SCRIPTS = (
    *("depth", "latency", "replay", "journal_append", "scribe"),
    *("round_trip", "panic_stop", "restart", "simulator"),
    *("audit_encode", "audit_emit", "audit_log", "audit_verify"),
    *("compaction", "backfill"),
    "search",
    "quality",
    "lake_queries",
)
OPENING = "<!-- figures: written by run.py -->"
CLOSING = "<!-- end of figures -->"
SECONDS_MAX = 1800
"""For one script: the longest takes about three minutes on two cores."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    measured: str
    target: str
    met: bool | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one script found: its rows of the table and how they were measured."""

    benchmark: str
    how: str
    rows: tuple[Row, ...]


def last_result(output: str) -> Result:
    """Read the last line of a script's output; raise :exc:`msgspec.DecodeError` if it is none."""
    lines = [line for line in output.splitlines() if line.strip()]
    return msgspec.json.decode(lines[-1] if lines else "", type=Result)


def table(results: list[Result], machine: str) -> str:
    """Write the rows as Markdown, then the machine, then how each was measured."""
    lines = ["| what | target | measured | met |", "| --- | --- | --- | --- |"]
    for result in results:
        lines += [
            f"| {row.what} | {row.target} | {row.measured} | {word(row.met)} |"
            for row in result.rows
        ]
    lines += ["", machine, "", "How it was measured:", ""]
    lines += [f"- `{result.benchmark}.py`: {result.how}" for result in results]
    return "\n".join(lines)


def word(met: bool | None) -> str:  # noqa: FBT001 -- a value out of a row, not a switch
    return {True: "yes", False: "no", None: "-"}[met]


def rewritten(text: str, figures: str) -> str:
    """Put ``figures`` between the markers of ``text``; raise :exc:`ValueError` without them."""
    before, opening, rest = text.partition(OPENING)
    _, closing, after = rest.partition(CLOSING)
    if not opening or not closing:
        raise ValueError("the markers of the figures are missing")
    return f"{before}{OPENING}\n{figures}\n{CLOSING}{after}"


def machine_line(load: float) -> str:
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return (
        f"Measured on {date}: {os.cpu_count()} CPUs ({platform.machine()}), "
        f"Python {platform.python_version()}, load average {load:.1f} at the start."
    )


def run(script: str) -> Result | None:
    """Run one script; None when it failed, its output is shown either way."""
    print(f"== {script}", flush=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{script}"],
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{script} took more than {SECONDS_MAX} s")
        return None
    print(done.stdout, end="", flush=True)
    if done.returncode:
        print(f"{script} ended with {done.returncode}")
        return None
    try:
        return last_result(done.stdout)
    except msgspec.DecodeError as fault:
        print(f"{script} did not end with a result: {fault}")
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", nargs="*", help=", ".join(SCRIPTS))
    chosen = parser.parse_args().script or list(SCRIPTS)
    machine = machine_line(os.getloadavg()[0])
    found = [run(script) for script in chosen]
    results = [result for result in found if result is not None]
    figures = table(results, machine)
    print(figures)
    if len(results) < len(found):
        return 1
    if set(chosen) == set(SCRIPTS):
        README.write_text(rewritten(README.read_text(), figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
