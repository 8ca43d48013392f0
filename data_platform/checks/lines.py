"""What an hour of archived log lines promises: each line readable, in its place, and once."""

import numpy as np
import pyarrow as pa

from data_platform.checks import clocks
from data_platform.checks.findings import Bools, Inspected, Int64s, Rule, Subject, at
from data_platform.checks.identity import falls_within
from trading_runtime.records.projection import LogGap, events
from trading_runtime.records.units import Level, Module
from trading_runtime.store.merge import session_ranks
from trading_runtime.store.parquet import integers, texts

READABLE = Rule(
    "line_readable",
    "every line is one JSON object with time, module, level, event, session and seq",
    blocking=False,  # the other lines of the hour are good, and somebody looks for them
)
ONCE = Rule("line_once", "no journal record has two lines in one stream")
MODULE = Rule("module_one", "every line is of the file's module")
LEVEL = Rule("level_known", "every line has one of the five levels")
EVENT = Rule("event_declared", "every line is of an event that is declared", blocking=False)
IN_HOUR = Rule("ts_in_hour", "every line is of its hour, unless sessions overlap", blocking=False)
IN_ORDER = Rule(
    "arrival_order",
    "within a session, lines stand in the order of their journal records",
    blocking=False,
)
COMPLETE = Rule("no_line_lost", "no line of OMS, Risk or Audit was left out", blocking=False)
HOLES = Rule("holes_named", "no line was left out under pressure", blocking=False)

NEVER_LOST = frozenset({Module.OMS.value, Module.RISK.value, Module.AUDIT.value})


def repeated(rows: pa.Table) -> Bools:
    """Mark each row whose journal record has a line before it in the same file.

    A line about lines left out has the number of the first of them.
    """
    sessions, numbers = session_ranks(rows), integers(rows, "seq")
    own = np.flatnonzero(~of_event(rows, LogGap.name()) & (numbers >= 0))
    order = own[np.lexsort((numbers[own], sessions[own]))]
    same = (sessions[order][1:] == sessions[order][:-1]) & (
        numbers[order][1:] == numbers[order][:-1]
    )
    return at(order[1:][same], rows.num_rows)


def among(rows: pa.Table, column: str, known: frozenset[str]) -> Bools:
    """Mark the rows whose text is one of those that are known."""
    names, codes = texts(rows, column)
    found: Bools = np.array([name in known for name in names], dtype=np.bool_)[codes]
    return found


def of_event(rows: pa.Table, event: str) -> Bools:
    return among(rows, "event", frozenset({event}))


def module_of(rows: pa.Table, subject: Subject) -> str:
    """Give the module that the file is of; without files, that of its first row."""
    if subject.files is not None:
        return subject.files.dataset.path.partition("/")[0]
    names, _ = texts(rows, "module")
    return names[0] if names else ""


def inspect(rows: pa.Table, subject: Subject) -> Inspected:
    """Check one module's hour of lines; the rows of each finding are numbers in the file."""
    times, numbers, hour = integers(rows, "ts"), integers(rows, "seq"), subject.hour
    module = module_of(rows, subject)
    readable = numbers >= 0
    declared = frozenset(it.name() for it in events())
    gaps: Int64s = np.flatnonzero(of_event(rows, LogGap.name()))
    findings = [
        READABLE.broken_by(~readable),
        ONCE.broken_by(repeated(rows)),
        MODULE.broken_by(~among(rows, "module", frozenset({module}))),
        LEVEL.broken_by(~among(rows, "level", frozenset(it.name for it in Level))),
        EVENT.broken_by(readable & ~among(rows, "event", declared)),
        IN_HOUR.broken_by((times < hour.start) | (times >= hour.end)),
        IN_ORDER.broken_by(falls_within(session_ranks(rows), numbers)),
        (COMPLETE if module in NEVER_LOST else HOLES).broken_by(gaps),
        *clocks.told(rows, subject),
    ]
    return Inspected(findings, {"rows": rows.num_rows, "gaps": len(gaps)})
