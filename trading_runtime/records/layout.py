"""Where each thing stands below a data folder.

``journal/<session>/000001.tdj`` is an open segment; sealed it is ``000001.tdj.zst`` with
``000001.seal.json``. ``logs/system.log`` and its five siblings are open log files; sealed they are
``logs/sealed/<module>-<UTC hour>-<n>.jsonl``. Ticks stand in
``lake/<table>/YYYY-MM-DD/HH/MM.parquet`` and, published, in
``lake/<venue>/<symbol>/YYYY/MM/DD/HH/<table>.parquet``.
"""

from pathlib import PurePath

from trading_runtime.records.units import Module

SEGMENT_SUFFIX = ".tdj"
SEALED_SUFFIX = ".tdj.zst"
EMERGENCY = "emergency.tdj"
SYNCED = "synced"
"""The published watermark of a session's journal: see ``docs/record-format.md``."""


def sessions(data: PurePath) -> PurePath:
    return data / "journal"


def session(data: PurePath, session_id: str) -> PurePath:
    return data / "journal" / session_id


def watchdog(data: PurePath) -> PurePath:
    """Give the root of the watchdog's journal: the layout below it is that of a data folder."""
    return data / "watchdog"


def audit(data: PurePath) -> PurePath:
    """Give the folder of the audit record, and the root of the audit service's own journal."""
    return data / "audit"


def tamper_watch(data: PurePath) -> PurePath:
    """Give the folder, and the root of the journal, of who watches the audit record."""
    return data / "audit" / "watch"


def witness(data: PurePath) -> PurePath:
    """Give the folder, and the root of the journal, of a witness on this machine."""
    return data / "audit" / "witness"


def journals(data: PurePath) -> tuple[PurePath, ...]:
    """Give the folders of sessions that a follower reads: of the runtime, and of who watches.

    No two sessions of them have one name.
    """
    roots = (data, watchdog(data), audit(data), tamper_watch(data), witness(data))
    return tuple(sessions(root) for root in roots)


def segment_name(segment: int) -> str:
    return f"{segment:06d}{SEGMENT_SUFFIX}"


def sealed_name(segment: int) -> str:
    return f"{segment:06d}{SEALED_SUFFIX}"


def seal_name(segment: int) -> str:
    return f"{segment:06d}.seal.json"


def logs(data: PurePath) -> PurePath:
    return data / "logs"


def live_log(data: PurePath, module: Module) -> PurePath:
    return data / "logs" / f"{module.value}.log"


def sealed_logs(data: PurePath) -> PurePath:
    return data / "logs" / "sealed"


def sealed_log_name(module: Module, hour: str, part: int) -> str:
    """``hour`` is UTC ``YYYY-MM-DDTHH``; parts count the seals within one hour from 1."""
    return f"{module.value}-{hour}-{part:03d}.jsonl"


def log_archive(data: PurePath) -> PurePath:
    """Give the folder of sealed logs that are compressed: one folder a module and day below it."""
    return data / "logs" / "archive"


def archived_log(data: PurePath, module: Module, hour: str, part: int) -> PurePath:
    """Give the compressed form of a sealed log; its index has the suffix ``.index`` instead."""
    day = hour[:10].replace("-", "/")
    return log_archive(data) / module.value / day / f"{sealed_log_name(module, hour, part)}.gz"


def log_tables(data: PurePath) -> PurePath:
    """Give the folder of typed log lines: ``<module>/YYYY/MM/DD/HH.parquet``."""
    return data / "archive" / "logs"


def lake(data: PurePath) -> PurePath:
    return data / "lake"


def minute(table: str, day: str, hour: int, minute_of_hour: int) -> str:
    """``day`` is UTC ``YYYY-MM-DD``; the path is below :func:`lake`."""
    return f"{table}/{day}/{hour:02d}/{minute_of_hour:02d}.parquet"


def hour_marker(table: str, day: str, hour: int) -> str:
    """Stands below :func:`lake` once no more minutes of this hour can come."""
    return f"{table}/{day}/{hour:02d}/_sealed.json"


def dataset(venue: str, symbol: str, day: str, hour: int, table: str) -> str:
    """``day`` is UTC ``YYYY-MM-DD``; the path is below :func:`lake`."""
    return f"{venue}/{symbol}/{day.replace('-', '/')}/{hour:02d}/{table}.parquet"


def offsets(data: PurePath) -> PurePath:
    """Each sink of scribe keeps its durable place in the journal here."""
    return data / "scribe"


def reports(data: PurePath) -> PurePath:
    return data / "reports"


def outbox(data: PurePath) -> PurePath:
    """Mail that no server is set up for, as ``.eml`` files."""
    return data / "outbox"


def quarantine(data: PurePath) -> PurePath:
    """Datasets that broke a blocking rule, at their paths of the lake, each beside its findings."""
    return data / "quarantine"


def quality(data: PurePath) -> PurePath:
    """Give the folder of what the checks measured: metrics by hour, results and their pages."""
    return data / "quality"
