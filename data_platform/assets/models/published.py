"""The marts as they lie: ``marts/<mart>/YYYY/MM/DD.parquet``, and a record of each built day.

Rules:
 * A day's marts come to their places by renames, its record ``marts/_days/<day>.json`` last: a run
   that is killed between leaves a day that is due, and building it again makes the same bytes.
 * The record names what the day was made of; files hold nothing but rows, so equal rows are equal
   bytes.
"""

import hashlib
from pathlib import Path

import msgspec

from trading_runtime.store import durable

CARRIED = ("dim_instruments", "fct_parameter_performance", "fct_pnl_daily")
"""The marts of a day that the next one starts from."""


class MartFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is relative to the data folder."""

    path: str
    rows: int
    size_bytes: int
    sha256: str


class Built(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a day's marts are made of, and which files they are."""

    day: str
    maker: str
    inputs_sha256: str
    carried_sha256: str
    """Of the marts that it was started from, empty where it is the first."""
    marts: dict[str, MartFile]


def marts_root(data: Path) -> Path:
    return data / "marts"


def mart_path(data: Path, mart: str, day: str) -> Path:
    return marts_root(data) / mart / f"{day.replace('-', '/')}.parquet"


def audit_path(data: Path, day: str) -> Path:
    return data / "exports" / "audit_log" / f"{day.replace('-', '/')}.parquet"


def record_path(data: Path, day: str) -> Path:
    return marts_root(data) / "_days" / f"{day}.json"


def read(data: Path, day: str) -> Built | None:
    path = record_path(data, day)
    return msgspec.json.decode(path.read_bytes(), type=Built) if path.exists() else None


def write(data: Path, built: Built) -> None:
    text = msgspec.json.format(msgspec.json.encode(built, order="deterministic"), indent=2)
    durable.write(record_path(data, built.day), text + b"\n")


def carried_sha256(before: Built | None) -> str:
    """Digest what a day hands to the next one."""
    if before is None:
        return ""
    told = "".join(f"{it} {before.marts[it].sha256}\n" for it in CARRIED)
    return hashlib.sha256(told.encode()).hexdigest()
