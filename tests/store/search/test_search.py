"""A search over every place finds what grep over all lines finds, each line once and in order."""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.search.lines import (
    HOUR,
    NEXT,
    compressed,
    entries,
    found,
    line,
    live,
    sealed,
    some,
)
from trading_runtime.errors import Refused
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store.hours import HOUR_NS, Hour
from trading_runtime.store.search import members
from trading_runtime.store.search.files import Troubles
from trading_runtime.store.search.line import UNREADABLE, Entry, LogLine, nanos, read
from trading_runtime.store.search.query import (
    TIME_MAX,
    Matcher,
    Query,
    levels_from,
    literal_of,
)
from trading_runtime.store.search.search import Search

EVENTS = ("OrderFilled", "OrderRejected", "QuotesDecided")
LEVELS = ("INFO", "WARN", "ERROR")
SYMBOLS = ("", "BTCUSDC", "ETHUSDC")
TEXTS = ("post only", "déjà vu", 'a "quote"', "x=1", "timeout 42ms", "")
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108 -- for speed alone
"""Every compressed file is synced; here that costs nothing."""
MODULES = (Module.OMS, Module.RISK)


class File(NamedTuple):
    module: Module
    hour: Hour
    part: int
    """0 is the live file."""
    is_compressed: bool
    lines: list[bytes]

    def write(self, data: Path) -> None:
        if self.part == 0:
            live(data, self.lines, self.module)
        elif self.is_compressed:
            compressed(data, self.lines, self.part, self.hour, self.module)
        else:
            sealed(data, self.lines, self.part, self.hour, self.module)


@st.composite
def lines(draw: st.DrawFn, hour: Hour, module: Module) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=20)).replace(b"\n", b"")
    fields: dict[str, str | int] = {"symbol": draw(st.sampled_from(SYMBOLS))}
    if draw(st.booleans()):
        fields["orderId"] = f"o{draw(st.integers(0, 4))}"
    if draw(st.booleans()):
        fields["venue_order"] = f"o{draw(st.integers(3, 6))}"
    if draw(st.integers(0, 5)) == 0:
        fields["traceId"] = draw(st.sampled_from(("t1", "s1/3")))
    made = line(
        draw(st.integers(0, 6)),
        hour.start + draw(st.integers(0, 5)) * 10**9,
        draw(st.sampled_from(EVENTS)),
        module.value,
        level=draw(st.sampled_from(LEVELS)),
        session=draw(st.sampled_from(("s1", "s2"))),
        reason=draw(st.sampled_from(TEXTS)),
        **fields,
    )
    cut = draw(st.integers(0, 30))
    return made[:cut] if 0 < cut < 4 else made


@st.composite
def files(draw: st.DrawFn) -> list[File]:
    made = []
    for module in MODULES:
        for hour in (HOUR, NEXT):
            for part in range(1, draw(st.integers(0, 2)) + 1):
                own = draw(st.lists(lines(hour, module), max_size=6))
                made.append(File(module, hour, part, draw(st.booleans()), own))
        own = draw(st.lists(lines(NEXT, module), max_size=6))
        # A live file is of the hour of its first line: scribe begins none with anything else.
        first = line(9, NEXT.start, module=module.value)
        made.append(File(module, NEXT, 0, False, [first, *own]))
    return made


def optional(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.one_of(
        st.just(frozenset[str]()), st.frozensets(st.sampled_from(values), min_size=1, max_size=2)
    )


TIMES = st.integers(-1, 2 * 3600).map(lambda it: Nanos(HOUR.start + it * 10**9 // 2))
QUERIES = st.builds(
    Query,
    text=st.sampled_from(("", "", *TEXTS, "ord", '"seq":3', "é", "\\u00e9", "vu", '\\"quote')),
    modules=st.sampled_from((frozenset({"oms"}), frozenset(it.value for it in MODULES))),
    events=optional((*EVENTS, UNREADABLE)),
    levels=optional(LEVELS),
    symbols=optional(SYMBOLS),
    order=st.sampled_from(("", "", "o1", "o4", "absent")),
    trace=st.sampled_from(("", "", "t1", "s1/3", "s2/2/0")),
    since=st.one_of(st.just(Nanos(0)), TIMES),
    until=st.one_of(st.just(TIME_MAX), TIMES),
)
REGEXES = st.builds(
    Query,
    text=st.sampled_from(
        ("Order(Filled|Rejected)", "time.ut [0-9]+ms", "^.{0,3}$", "post *only", "a+", "[^x]x=1")
    ),
    is_regex=st.just(True),
)


def times(of: File) -> Iterator[tuple[Nanos, bytes, LogLine | None]]:
    """Give each line with its time: an unreadable one has that of the line before it."""
    before = of.hour.start
    for it in of.lines:
        known = read(it)
        before = before if known is None else nanos(known.ts)
        yield before, it, known


def is_wanted(query: Query, at: Nanos, text: bytes, known: LogLine | None) -> bool:
    """Decide by the plain words of the documentation."""
    if query.is_regex:
        is_in = re.search(query.text.encode(), text) is not None
    else:
        ascii_form = "".join(it if it.isascii() else f"\\u{ord(it):04x}" for it in query.text)
        is_in = query.text.encode() in text or ascii_form.encode() in text
    if not is_in or not query.since <= at < query.until:
        return False
    if known is None:
        others = (query.levels, query.symbols, query.order, query.trace)
        return not any(others) and (not query.events or query.events == {UNREADABLE})
    return (
        (not query.events or known.event in query.events)
        and (not query.levels or known.level in query.levels)
        and (not query.symbols or known.symbol in query.symbols)
        and (not query.order or query.order in {known.order_id, known.venue_order})
        and (not query.trace or is_traced(query.trace, known))
    )


def is_traced(trace: str, known: LogLine) -> bool:
    session, _, rest = trace.partition("/")
    return trace == known.trace or (session, rest.removesuffix("/0")) == (
        known.session,
        str(known.seq),
    )


def grep(made: list[File], query: Query) -> list[tuple[int, str, int, str, bytes]]:
    return sorted(
        (at, known.session if known else "", known.seq if known else -1, it.module.value, text)
        for it in made
        if it.module.value in query.modules
        for at, text, known in times(it)
        if is_wanted(query, at, text, known)
    )


@settings(max_examples=40, deadline=None)
@given(files(), st.one_of(QUERIES, REGEXES), st.booleans(), st.integers(0, 5))
def test_a_search_is_a_grep_over_all_lines(
    made: list[File],
    query: Query,
    oldest: bool,  # noqa: FBT001 -- drawn
    limit: int,
) -> None:
    with TemporaryDirectory(dir=MEMORY) as folder:
        for it in made:
            it.write(Path(folder))
        given_ = [it[:5] for it in entries(Path(folder), query, oldest=oldest, limit=limit)]
    wanted = grep(made, query)
    if not oldest:
        wanted.reverse()
    assert given_ == (wanted[:limit] if limit else wanted)


def test_a_line_that_stands_in_several_places_is_given_once(tmp_path: Path) -> None:
    lines = some(20)
    gz = compressed(tmp_path, lines)
    sealed(tmp_path, lines)
    assert found(tmp_path) == lines
    members.index_path(gz).unlink()
    assert found(tmp_path) == lines


def test_a_live_file_that_is_sealed_meanwhile_is_given_once(tmp_path: Path) -> None:
    lines = some(20)
    path = live(tmp_path, lines)
    troubles = Troubles()
    search = Search(tmp_path, None, troubles, Nanos(NEXT.end))
    path.rename(sealed(tmp_path, []))
    assert [it.line for it in search.entries(Query(), oldest=True)] == lines
    search.close()
    assert found(tmp_path) == lines


def test_a_sealed_file_that_is_compressed_and_pruned_meanwhile_is_found(tmp_path: Path) -> None:
    lines = some(20)
    sealed(tmp_path, lines)
    search = Search(tmp_path, None, Troubles(), Nanos(NEXT.end))
    compressed(tmp_path, lines)
    assert [it.line for it in search.entries(Query(), oldest=True)] == lines
    search.close()


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    lines = some(3)
    path = live(tmp_path, lines)
    with path.open("ab") as file:
        file.write(some(4)[3][:40])
    assert found(tmp_path) == lines


def test_a_live_file_is_searched_though_its_first_line_is_damaged(tmp_path: Path) -> None:
    live(tmp_path, [b"cut", *some(2, NEXT)])
    live(tmp_path, [b"cut", b"nothing else"], Module.RISK)
    assert found(tmp_path, Query(modules=frozenset({"oms"}))) == [b"cut", *some(2, NEXT)]
    assert sorted(found(tmp_path, Query(modules=frozenset({"risk"})))) == [b"cut", b"nothing else"]


def test_the_newest_lines_open_only_the_last_blocks(tmp_path: Path) -> None:
    """Damage in older files shows what was opened: nothing of it is noticed."""
    hours = [Hour(f"2025-11-{day:02d}", of_day) for day in (18, 19) for of_day in (10, 14)]
    made = {it: compressed(tmp_path, some(5, it), hour=it) for it in hours}
    for hour in hours[:-1]:
        made[hour].write_bytes(b"damaged")
    assert found(tmp_path, oldest=False, limit=5) == some(5, hours[-1])[::-1]


def test_a_damaged_file_is_told_and_the_rest_is_given(tmp_path: Path) -> None:
    compressed(tmp_path, some(5), part=1).write_bytes(b"damaged")
    compressed(tmp_path, some(5, NEXT), hour=NEXT)
    troubles = Troubles()
    search = Search(tmp_path, None, troubles, Nanos(NEXT.end))
    assert [it.line for it in search.entries(Query(), oldest=True)] == some(5, NEXT)
    search.close()
    assert len(troubles) == 1
    assert "oms-2025-11-19T14-001.jsonl.gz" in troubles[0]


def test_hours_outside_the_times_asked_for_are_not_opened(tmp_path: Path) -> None:
    compressed(tmp_path, some(5)).write_bytes(b"damaged")
    compressed(tmp_path, some(5, NEXT), hour=NEXT)
    assert found(tmp_path, Query(since=NEXT.start)) == some(5, NEXT)
    assert found(tmp_path, Query(since=Nanos(NEXT.start + HOUR_NS))) == []


def test_an_empty_folder_has_no_line(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("reject.*maker", b"reject"),
        ("abc?def", b"def"),
        ("latency_ms", b"latency_ms"),
        ("a|bcdef", b""),
        ("(abcdef)?", b""),
        (r"abc\w", b""),
        ("abcd{0}efgh", b"efgh"),
        ("a.b.c", b""),
    ],
)
def test_what_every_match_contains_is_looked_for_first(pattern: str, literal: bytes) -> None:
    known = literal_of(pattern)
    assert known == literal or (not literal and len(known) <= 1)


@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(st.text("abc.*?+{}0,^$ [x]|()", max_size=8), st.text("abc0, x", max_size=12))
def test_the_literal_of_a_pattern_is_in_every_match(pattern: str, text: str) -> None:
    try:
        Matcher(Query(text=pattern, is_regex=True))
    except Refused:
        return
    if re.compile(pattern).search(text):
        assert literal_of(pattern).decode() in text


def test_a_wrong_expression_is_one_clear_error() -> None:
    with pytest.raises(Refused, match="is no regular expression: missing"):
        Matcher(Query(text="(", is_regex=True))


def test_a_level_with_plus_is_it_and_all_above() -> None:
    assert levels_from("warn+") == {"WARN", "ERROR", "CRITICAL"}
    assert levels_from("ERROR") == {"ERROR"}
    with pytest.raises(Refused, match="'LOUD' is no level"):
        levels_from("LOUD")


def test_entries_of_one_time_are_in_the_order_of_their_records(tmp_path: Path) -> None:
    at = HOUR.start
    sealed(tmp_path, [line(2, at), line(4, at)])
    sealed(tmp_path, [line(1, at, module="risk"), line(3, at, module="risk")], module=Module.RISK)
    given_: list[Entry] = entries(tmp_path)
    assert [it.seq for it in given_] == [1, 2, 3, 4]
