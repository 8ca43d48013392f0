"""What each day hands on to the next: positions, their cost, money; recomputed from the fills.

A day's ledger is a file below the reports, so that a report needs the lines of its own day alone
and older ones may leave for the archive. It names the digest of every hour that it was booked from
and of the ledger before it: where one of them is another now, it is booked again, and every later
one with it. What was pruned meanwhile can not be booked again; then the old ledger stands, and
``unsettled`` says so.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from data_platform.assets.reports import archive, lines, pnl
from data_platform.assets.reports.lines import AccountPart, Filled, Funded
from data_platform.assets.reports.pnl import Account, Accounts
from data_platform.days import day_before, span_of
from trading_runtime.records import layout
from trading_runtime.records.units import Module
from trading_runtime.store import durable

MODULES = (Module.SYSTEM, Module.OMS, Module.RISK)
SEEN_MAX = 1000
"""Trade ids of an instrument that are handed on: a fill is not told again long after."""


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instrument at the day's end; exact numbers as ``numerator/denominator``."""

    position: str
    cost: str
    realized: str
    fees: dict[str, str]
    seen: tuple[str, ...]


class Ledger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``start`` is what the account began with, by the first session's settings."""

    day: str
    zone: str
    previous: str
    """SHA-256 of the ledger before this one, empty for the first."""
    inputs: dict[str, str]
    start: AccountPart | None
    funding: str
    marks: dict[str, str]
    """The last price of each instrument that was seen up to the day's end."""
    accounts: dict[str, Held]

    def opened(self) -> Accounts:
        """Give the accounts as a day begins with them."""
        return {name: account_of(it) for name, it in self.accounts.items()}

    @property
    def balance(self) -> Fraction:
        """Start, realized, fees in the quote asset and funding, over all days; 0 if none began."""
        if self.start is None:
            return Fraction(0)
        fees = (it.fees.get(self.start.quote_asset, "0") for it in self.accounts.values())
        realized = (Fraction(it.realized) for it in self.accounts.values())
        money = Fraction(self.start.balance) + Fraction(self.funding)
        return money + sum(realized, Fraction(0)) - sum(map(Fraction, fees), Fraction(0))

    @property
    def unmarked(self) -> list[str]:
        """Instruments that are held, and of which no price is known."""
        return sorted(
            name
            for name, it in self.accounts.items()
            if Fraction(it.position) and name not in self.marks
        )

    @property
    def equity(self) -> Fraction | None:
        """Balance and what is held at the last price; ``None`` where one is not known."""
        if self.start is None or self.unmarked:
            return None
        unrealized = (
            Fraction(it.position) * Fraction(self.marks[name]) - Fraction(it.cost)
            for name, it in self.accounts.items()
            if Fraction(it.position)
        )
        return self.balance + sum(unrealized, Fraction(0))


class Booked(NamedTuple):
    """A day's ledger, the accounts with its moments, and what came before."""

    ledger: Ledger
    accounts: Accounts
    funding: Fraction
    """Of this day."""
    before: tuple[Ledger, ...]
    """Of the days before, the earliest first."""
    unsettled: tuple[str, ...]
    """Days whose lines changed after some of them had been pruned."""


def account_of(it: Held) -> Account:
    account = Account()
    account.position = account.opened = Fraction(it.position)
    account.cost, account.realized = Fraction(it.cost), Fraction(it.realized)
    account.fees = {asset: Fraction(paid) for asset, paid in it.fees.items()}
    account.seen = dict.fromkeys(it.seen)
    return account


def held_of(it: Account) -> Held:
    return Held(
        position=str(it.position),
        cost=str(it.cost),
        realized=str(it.realized),
        fees={asset: str(paid) for asset, paid in sorted(it.fees.items())},
        seen=tuple(islice(it.seen, max(len(it.seen) - SEEN_MAX, 0), None)),
    )


def folder(data: Path) -> Path:
    return Path(layout.reports(data)) / "ledger"


def path_of(data: Path, day: str) -> Path:
    return folder(data) / f"{day}.json"


def read(data: Path, day: str) -> Ledger | None:
    path = path_of(data, day)
    return msgspec.json.decode(path.read_bytes(), type=Ledger) if path.exists() else None


def encoded(ledger: Ledger) -> bytes:
    return msgspec.json.format(msgspec.json.encode(ledger, order="sorted"), indent=1) + b"\n"


def digest(ledger: Ledger | None) -> str:
    return hashlib.sha256(encoded(ledger)).hexdigest() if ledger else ""


def days_until(data: Path, day: str) -> Iterator[str]:
    """Give every day from the first that anything is known of, up to ``day``."""
    files = (it.stem for it in folder(data).glob("[0-9]*.json"))
    first = archive.first_day(data)
    # A zone ahead of UTC has its first day begin in the UTC day before.
    begun = [] if first is None else [(date.fromisoformat(first) - timedelta(days=1)).isoformat()]
    it = date.fromisoformat(min([*files, *begun], default=day))
    while it.isoformat() <= day:
        yield it.isoformat()
        it += timedelta(days=1)


def book_day(data: Path, day: str, zone: str, before: Ledger | None) -> Booked:
    """Book a day's fills and funding on the ledger before it."""
    span = span_of(day, zone)
    read_of = {module: archive.stream(data, span, module) for module in MODULES}
    start = before.start if before else None
    start = start or lines.start_of_account(read_of[Module.SYSTEM])
    opened = before.opened() if before else {}
    fills = sorted(read_of[Module.OMS].read(Filled, "OrderFilled"), key=lambda it: it.ts)
    accounts = pnl.book(opened, fills, start.quote_asset if start else "")
    funded = read_of[Module.RISK].read(Funded, "FundingPaid")
    funding = sum((Fraction(it.amount) for it in funded), Fraction(0))
    told = {name: str(price) for name, price in archive.marks(data, span).items()}
    ledger = Ledger(
        day=day,
        zone=zone,
        previous=digest(before),
        inputs=archive.inputs(data, span, MODULES),
        start=start,
        funding=str((Fraction(before.funding) if before else Fraction(0)) + funding),
        marks={**(before.marks if before else {}), **told},
        accounts={name: held_of(it) for name, it in accounts.items()},
    )
    return Booked(ledger, accounts, funding, (), ())


def is_pruned(data: Path, day: str, zone: str) -> bool:
    """Whether an hour that the standing ledger was booked from is not here any more."""
    known = read(data, day)
    if known is None:
        return False
    return bool(set(known.inputs) - set(archive.inputs(data, span_of(day, zone), MODULES)))


def is_valid(data: Path, ledger: Ledger, zone: str, before: Ledger | None) -> bool:
    """Whether it follows from what is here now; hours that are pruned are not asked."""
    if (ledger.zone, ledger.previous) != (zone, digest(before)):
        return False
    now = archive.inputs(data, span_of(ledger.day, zone), MODULES)
    return now.items() <= ledger.inputs.items()


class Settled(NamedTuple):
    """A day's standing, or ``None`` where nothing is known of the day."""

    ledger: Ledger | None
    is_settled: bool


def settled(data: Path, day: str, zone: str, before: Ledger | None) -> Settled:
    """Give the ledger that stands, or book and write it; one that cannot be booked is unsettled."""
    known = read(data, day)
    if known is not None and is_valid(data, known, zone, before):
        return Settled(known, is_settled=True)
    if known is not None and is_pruned(data, day, zone):
        return Settled(known, is_settled=False)
    if not archive.inputs(data, span_of(day, zone), MODULES):
        return Settled(None, is_settled=True)
    made = book_day(data, day, zone, before).ledger
    durable.write(path_of(data, day), encoded(made))
    return Settled(made, is_settled=True)


def booked(data: Path, day: str, zone: str) -> Booked:
    """Give the day's ledger; book it and those before it where they do not stand yet."""
    with durable.lock(folder(data) / ".lock"):
        before: list[Ledger] = []
        unsettled = []
        for it in days_until(data, day_before(day)):
            known = settled(data, it, zone, before[-1] if before else None)
            before += [known.ledger] if known.ledger else []
            unsettled += [] if known.is_settled else [it]
        last = before[-1] if before else None
        today = settled(data, day, zone, last)
        fresh = book_day(data, day, zone, last)
        return fresh._replace(
            ledger=today.ledger or fresh.ledger,
            before=tuple(before),
            unsettled=(*unsettled, *(() if today.is_settled else (day,))),
        )
