"""What the user interface shows about a batch of datasets: plain values and one table."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from data_platform.assets.batch import bytes_read
from data_platform.checks.quarantine import Quarantined
from trading_runtime.store.manifest import Manifest, Quality

ROWS_SHOWN_MAX = 20
TEXT_SHOWN_MAX = 40
"""A whole log line would stretch the table beyond any screen."""

Plain = dict[str, str | int | float]


def data_version(manifests: Sequence[Manifest]) -> str:
    """Digest the contents: it changes when a row does, not when a file is only built anew."""
    digest = hashlib.sha256()
    for it in sorted(manifests, key=lambda told: told.commit.dataset):
        digest.update(f"{it.commit.dataset} {it.commit.content_sha256}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def totals(manifests: Sequence[Manifest], data: Path) -> Plain:
    """Sum what was published; ``ratio`` is bytes out over bytes in, 0 where nothing came in."""
    size_in, size_out = bytes_read(manifests, data), sum(it.size_bytes for it in manifests)
    return {
        "rows": sum(it.commit.rows for it in manifests),
        "bytes": size_out,
        "source_bytes": size_in,
        "ratio": round(size_out / size_in, 4) if size_in else 0.0,
        "status": status(manifests),
    }


def status(manifests: Sequence[Manifest]) -> str:
    if not manifests:
        return "no rows"
    return "sealed" if all(it.commit.sealed for it in manifests) else "partial"


def table(manifests: Sequence[Manifest]) -> str:
    """Show each dataset with its version and coverage, in Markdown."""
    lines = [
        "| dataset | version | rows | bytes | sources | from | to | content |",
        "|" + "---|" * 8,
    ]
    for it in manifests:
        own = it.commit
        span = f"{clock_text(own.first_ts)} | {clock_text(own.last_ts)}"
        lines.append(
            f"| {own.dataset} | {own.version} | {own.rows} | {it.size_bytes} "
            f"| {len(own.sources)} | {span} | {own.content_sha256[:12]} |"
        )
    return "\n".join(lines)


def clock_text(at: int) -> str:
    return datetime.fromtimestamp(at / 1e9, tz=UTC).strftime("%H:%M:%S")


def broken_table(judged: Sequence[tuple[str, Quality]]) -> str:
    """Show each broken rule with the first rows that break it, in Markdown."""
    lines = ["| dataset | rule | blocks | found | rows | promise |", "|" + "---|" * 6]
    lines += [
        f"| {path} | {it.rule} | {'yes' if it.blocking else 'no'} | {it.found} "
        f"| {', '.join(map(str, it.rows))} | {it.promise} |"
        for path, quality in judged
        for it in quality.broken
    ]
    return "\n".join(lines)


def quarantine_table(bad: Sequence[Quarantined]) -> str:
    """Show each dataset in quarantine with the rules that it broke and where it is, in Markdown."""
    lines = ["| dataset | blocking rules | file | offending rows |", "|" + "---|" * 4]
    for it in bad:
        rules = ", ".join(
            f"{rule.rule} ({rule.found})" for rule in it.quality.broken if rule.blocking
        )
        lines.append(f"| {it.dataset} | {rules} | {it.file} | {it.rows} |")
    return "\n".join(lines)


def offending_table(data: Path, bad: Sequence[Quarantined]) -> str:
    """Show the first offending rows of each dataset in quarantine, in Markdown."""
    parts = []
    for it in bad:
        rows = pq.read_table(data / it.rows).slice(0, ROWS_SHOWN_MAX)
        names = rows.column_names
        lines = [f"{it.dataset}:", "", f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
        lines += [
            "| " + " | ".join(str(row[name])[:TEXT_SHOWN_MAX] for name in names) + " |"
            for row in rows.to_pylist()
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)
