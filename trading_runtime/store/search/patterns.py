"""Lines grouped by what stays the same in them: templates with counts, first and last.

A line's template is its level, its event and the shape of its free texts, after Drain (He et al.,
ICWS 2017): texts of as many words are alike when enough of their words are, and where two alike
texts differ the template has ``<*>``. Numbers, ids and times are masked before that; numbers of
their own fields, and the fields that say who and when, are no part of a template.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from trading_runtime.records.units import Nanos
from trading_runtime.store.search.histogram import level_of, moment
from trading_runtime.store.search.line import UNREADABLE, Entry

ANY = "<*>"
MASKED = re.compile(r"(?<![A-Za-z])[-+]?\d[\w.:,/+-]*|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{6,}\b")
"""Numbers with their units, times, and words of letters and digits: ids."""
ALIKE_MIN = 0.6
"""Of the words of two texts, so many have to be equal."""
WORDS_MAX = 64
TEMPLATES_MAX = 256
"""Of one event; past it lines join the template that is most like them."""


KNOWN_MAX = 65_536
"""Shapes whose template is remembered: most lines have one of a few hundred."""


class Pattern(msgspec.Struct, kw_only=True):
    """One template; times are UTC nanoseconds, ``example`` is the newest line."""

    count: int
    level: str
    event: str
    template: str
    first: Nanos
    last: Nanos
    example: str


class _Cluster:
    """The words of one template, and the lines that it has."""

    def __init__(self, words: list[str], entry: Entry) -> None:
        self.words = words
        self.count = 0
        self.first = self.last = entry.at
        self.example = entry.line

    def likeness(self, words: list[str]) -> float:
        same = sum(mine in {its, ANY} for mine, its in zip(self.words, words, strict=True))
        return same / len(words) if words else 1.0

    def widen(self, words: list[str]) -> None:
        self.words = [
            mine if mine == its else ANY for mine, its in zip(self.words, words, strict=True)
        ]

    def add(self, entry: Entry) -> None:
        self.count += 1
        self.first = min(self.first, entry.at)
        if entry.at >= self.last:
            self.last, self.example = entry.at, entry.line


class Patterns:
    """Takes lines in any order."""

    def __init__(self) -> None:
        self._clusters: dict[tuple[str, str, int], list[_Cluster]] = defaultdict(list)
        self._known: dict[tuple[str, str, str], _Cluster] = {}

    def take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            event = entry.read.event if entry.read is not None else UNREADABLE
            key = (level_of(entry), event, shape(entry))
            cluster = self._known.get(key)
            if cluster is None:
                if len(self._known) >= KNOWN_MAX:
                    self._known.clear()
                cluster = self._known[key] = self._cluster(key, entry)
            cluster.add(entry)

    def _cluster(self, key: tuple[str, str, str], entry: Entry) -> _Cluster:
        """Find the template of a shape, or make one."""
        level, event, text = key
        words = text.split(" ")[:WORDS_MAX]
        clusters = self._clusters[level, event, len(words)]
        best = max(clusters, key=lambda it: it.likeness(words), default=None)
        if best is not None and (
            best.likeness(words) >= ALIKE_MIN or len(clusters) >= TEMPLATES_MAX
        ):
            best.widen(words)
            return best
        clusters.append(_Cluster(words, entry))
        return clusters[-1]

    def found(self) -> list[Pattern]:
        """Give the templates, the most frequent first."""
        return sorted(self._patterns(), key=lambda it: (-it.count, it.event, it.template))

    def _patterns(self) -> Iterator[Pattern]:
        for (level, event, _), clusters in self._clusters.items():
            for it in clusters:
                yield Pattern(
                    count=it.count,
                    level=level,
                    event=event,
                    template=" ".join(it.words),
                    first=it.first,
                    last=it.last,
                    example=it.example.decode(errors="replace"),
                )


def masked(text: str) -> str:
    return MASKED.sub(ANY, text)


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def shape(entry: Entry) -> str:
    """Give the masked texts of a line: its own fields that are words, as ``name=value``."""
    if entry.read is None:
        return masked(entry.line.decode(errors="replace"))
    told = []
    for name, raw in _fields(entry.line).items():
        value = bytes(raw)
        if value.startswith(b'"') and name not in NOT_TOLD:
            told.append(f"{name}={masked(str(msgspec.json.decode(value)))}")
    return " ".join(told)


NOT_TOLD = frozenset(
    {"ts", "module", "level", "event", "session", "seq", "symbol", "instrument_id", "orderId"}
)
"""They say who and when, not what."""


def listed(patterns: list[Pattern]) -> str:
    """List templates for people, the most frequent first."""
    rows = []
    for it in patterns:
        rows += [
            f"{it.count:>9,}  {it.level:<8} {it.event}  {it.template}",
            f"{'':>9}  {moment(it.first)} - {moment(it.last)}  {it.example}",
        ]
    return "".join(f"{row}\n" for row in rows)
