"""The Data Docs: a page for each judged dataset by Great Expectations' own renderer, and an index.

The library's site builder writes pages that load their style from half a dozen servers, and an
index that stays empty without them. Here its renderer and its page view make the document, its body
is set into a page with a stylesheet of ours, and the index is ours: all of it opens from a disk
without a network. A page is written again only when its results are newer, and goes with its day.
"""

import html
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from trading_runtime.records import layout
from trading_runtime.store import durable

Json = dict[str, Any]  # type: ignore[explicit-any]  # results are the library's own
INDEX = "index.html"
STYLE = "style.css"
SCRIPTS = re.compile(r"<script\b.*?</script>|<link\b[^>]*>|<style\b.*?</style>", re.DOTALL)
BODY = '<div class="container-fluid'
RESULT_FIELDS = ("success", "results", "suite_name", "suite_parameters", "statistics", "meta")
DAY = re.compile(r"/(\d{4})/(\d{2})/(\d{2})(?:/|$)", re.ASCII)
HOUR = re.compile(r"/(\d{2})(?:/[a-z_]+)?\.json$", re.ASCII)


class Expectation(msgspec.Struct, frozen=True):
    success: bool
    expectation_config: Mapping[str, object]


class Suite(msgspec.Struct, frozen=True):
    """What is read of a validation's results for the index."""

    results: tuple[Expectation, ...]


class Page(NamedTuple):
    """One dataset's page; paths are relative to the folder of results, and of pages."""

    results: str
    expectations: int
    warned: int
    broken: int

    @property
    def path(self) -> str:
        return str(Path(self.results).with_suffix(".html"))

    @property
    def table(self) -> str:
        return self.results.partition("/")[0]

    @property
    def day(self) -> str:
        found = DAY.search(self.results)
        return "-".join(found.groups()) if found else ""

    @property
    def hour(self) -> int:
        found = HOUR.search(self.results)
        return int(found.group(1)) if found else 0

    @property
    def owner(self) -> str:
        found = DAY.search(self.results)
        end = found.start() if found else None
        return self.results[len(self.table) + 1 : end]

    @property
    def colour(self) -> str:
        return "bad" if self.broken else "warned" if self.warned else "good"


class Built(NamedTuple):
    front: Path
    pages: Sequence[Page]
    written: int
    removed: int


def results_folder(data: Path) -> Path:
    return Path(layout.quality(data), "results")


def docs_folder(data: Path) -> Path:
    return Path(layout.quality(data), "docs")


def page_of(data: Path, path: Path) -> Page:
    """Count what one dataset's results say."""
    suites = msgspec.json.decode(path.read_bytes(), type=list[Suite])
    broken = [it for suite in suites for it in suite.results if not it.success]
    blocking = sum(it.expectation_config.get("severity") == "critical" for it in broken)
    return Page(
        path.relative_to(results_folder(data)).as_posix(),
        sum(len(it.results) for it in suites),
        len(broken) - blocking,
        blocking,
    )


def as_one(suites: Sequence[Json]) -> Json:
    """Join the validations of one dataset into one result, as if it had been one suite."""
    results = [it for suite in suites for it in suite["results"]]
    good = sum(it["success"] for it in results)
    name = suites[0]["suite_name"]
    return {
        "success": good == len(results),
        "results": results,
        "suite_name": name,
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results) if results else None,
        },
        "meta": {**suites[0]["meta"], "run_id": name},
    }


def rendered(content: bytes) -> str:
    """Give the results as the library shows them, without what a browser would load for it."""
    from great_expectations.core.expectation_validation_result import (  # noqa: PLC0415 -- slow
        ExpectationSuiteValidationResult,
        ExpectationSuiteValidationResultSchema,
    )
    from great_expectations.render.renderer.page_renderer import (  # noqa: PLC0415
        ValidationResultsPageRenderer,
    )
    from great_expectations.render.view.view import DefaultJinjaPageView  # noqa: PLC0415

    told = as_one(msgspec.json.decode(content, type=list[Json]))
    loaded = ExpectationSuiteValidationResultSchema().load(told)
    result = ExpectationSuiteValidationResult(**{it: loaded[it] for it in RESULT_FIELDS})
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
    text = str(DefaultJinjaPageView().render(document))  # type: ignore[no-untyped-call]
    body = SCRIPTS.sub("", text)
    return body[body.index(BODY) : body.rindex("<footer")]


def framed(title: str, up: int, body: str) -> bytes:
    """Put a body into a page that stands ``up`` folders below the index."""
    top = "../" * up
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>{html.escape(title)}</title><link rel="stylesheet" href="{top}{STYLE}"></head>\n'
        f'<body><p><a href="{top}{INDEX}">All hours</a></p><h1>{html.escape(title)}</h1>\n'
        f"{body}</body></html>\n"
    ).encode()


def write_page(data: Path, page: Page) -> bool:
    """Write a page whose results are newer than it; say whether it was."""
    source, path = results_folder(data) / page.results, docs_folder(data) / page.path
    if path.exists() and path.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        return False
    title = f"{page.table} of {page.owner}, {page.day} {page.hour:02d}:00"
    durable.write(path, framed(title, page.path.count("/"), rendered(source.read_bytes())))
    return True


def hours_table(pages: Sequence[Page]) -> str:
    """Show one day: a row for each table and owner, a cell for each hour."""
    rows: dict[tuple[str, str], dict[int, Page]] = defaultdict(dict)
    for it in pages:
        rows[it.table, it.owner][it.hour] = it
    head = "".join(f"<th>{hour:02d}</th>" for hour in range(24))
    lines = [f'<table class="hours"><tr><th>dataset</th>{head}</tr>']
    for (table, owner), known in sorted(rows.items()):
        cells = "".join(cell(known.get(hour)) for hour in range(24))
        lines.append(f"<tr><td>{html.escape(f'{table} {owner}')}</td>{cells}</tr>")
    return "\n".join([*lines, "</table>"])


def cell(page: Page | None) -> str:
    if page is None:
        return "<td></td>"
    told = f"{page.broken} blocking, {page.warned} warning of {page.expectations}"
    text = page.broken + page.warned or "ok"
    link = f'<a href="{page.path}" title="{told}">{text}</a>'
    return f'<td class="{page.colour}">{link}</td>'


def index(pages: Sequence[Page]) -> str:
    by_day: dict[str, list[Page]] = defaultdict(list)
    for it in pages:
        by_day[it.day].append(it)
    parts = [
        (
            "<p>Each cell is one hour of one dataset: <b>ok</b>, or how many expectations it "
            "broke; red where one of them keeps it out of the lake.</p>"
        )
    ]
    for day in sorted(by_day, reverse=True):
        parts += [f"<h2>{day}</h2>", hours_table(by_day[day])]
    return "\n".join(parts)


def prune(folder: Path, first_day: str) -> int:
    """Remove what is older than ``first_day`` below a folder; give how many files."""
    old = [
        path
        for path in sorted(folder.rglob("*.*"))
        if path.suffix in {".json", ".html"}
        and (found := DAY.search(path.relative_to(folder).as_posix()))
        and "-".join(found.groups()) < first_day
    ]
    for path in old:
        path.unlink()
    return len(old)


def build(data: Path, days: int) -> Built:
    """Bring the pages of the last ``days`` days that were judged up to date, and the index."""
    results, docs = results_folder(data), docs_folder(data)
    pages = [page_of(data, path) for path in sorted(results.rglob("*.json"))]
    if pages:
        newest = date.fromisoformat(max(it.day for it in pages))
        first_day = (newest - timedelta(days=days - 1)).isoformat()
        removed = prune(docs, first_day) + prune(results, first_day)
        pages = [it for it in pages if it.day >= first_day]
    else:
        removed = 0
    written = sum(write_page(data, it) for it in pages)
    style = files("data_platform.assets.quality").joinpath(STYLE).read_bytes()
    durable.write(docs / STYLE, style)
    durable.write(docs / INDEX, framed("Data quality", 0, index(pages)))
    return Built(docs / INDEX, pages, written, removed)
