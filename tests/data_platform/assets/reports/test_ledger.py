"""What a day hands on: exact, booked again where its input changed, kept where it was pruned."""

from fractions import Fraction
from pathlib import Path

from data_platform.assets.reports import ledger
from data_platform.assets.reports.account import deviations, profits
from tests.data_platform import filed, recorded
from tests.store.lake_rows import HOUR
from trading_runtime.records.units import Module
from trading_runtime.store.hours import Hour

FIRST, SECOND, THIRD = "2025-11-19", "2025-11-20", "2025-11-21"


def fill(day: str, number: int, side: str, price: str) -> bytes:
    return (
        f'{{"ts":"{day}T10:00:00.{number:06}Z","module":"oms","level":"INFO",'
        f'"event":"OrderFilled","symbol":"BTCUSDC","instrument_id":"somewhere-usdm:BTCUSDC",'
        f'"orderId":"o{number}","side":"{side}","price":{price},"qty":0.100,"fee":0.05,'
        f'"fee_asset":"USDC","venue_trade":"{day}-{number}","session":"s1","seq":{number}}}'
    ).encode()


def file_fills(data: Path, day: str, *fills: bytes) -> None:
    filed.file_lines(data, Module.OMS, Hour(day, 10), fills)


def record(data: Path) -> None:
    recorded.write_logs(data)
    filed.file_logs(data, HOUR)
    file_fills(data, SECOND, fill(SECOND, 1, "buy", "60000.0"))
    file_fills(data, THIRD, fill(THIRD, 1, "buy", "60020.0"))


def prune(data: Path, day: str) -> None:
    for path in (data / "archive" / "logs").glob(f"*/{day.replace('-', '/')}/*"):
        path.unlink()


def test_positions_and_money_are_carried_from_day_to_day(tmp_path: Path) -> None:
    record(tmp_path)
    third = ledger.booked(tmp_path, THIRD, "UTC")
    account = third.accounts["somewhere-usdm:BTCUSDC"]
    assert account.opened == Fraction(-18, 100)
    assert account.position == Fraction(-8, 100)
    # 10003.10 after the first day; 0.1 bought back at 60000 and at 60020 of what sold at 60010.
    assert third.ledger.balance == Fraction("10003.10") + 1 - 1 - Fraction("0.10")
    assert [it.day for it in third.before] == [FIRST, SECOND]


def test_a_ledger_stands_when_the_lines_it_came_from_are_pruned(tmp_path: Path) -> None:
    record(tmp_path)
    whole = ledger.booked(tmp_path, THIRD, "UTC").ledger
    prune(tmp_path, FIRST)
    prune(tmp_path, SECOND)
    again = ledger.booked(tmp_path, THIRD, "UTC")
    assert again.ledger == whole
    assert again.unsettled == ()


def test_late_lines_of_an_earlier_day_change_every_later_one(tmp_path: Path) -> None:
    record(tmp_path)
    before = ledger.booked(tmp_path, THIRD, "UTC").ledger
    file_fills(tmp_path, FIRST, fill(FIRST, 7, "buy", "60010.0"))
    after = ledger.booked(tmp_path, THIRD, "UTC").ledger
    name = "somewhere-usdm:BTCUSDC"
    moved = Fraction(after.accounts[name].position) - Fraction(before.accounts[name].position)
    assert moved == Fraction(1, 10)


def test_late_lines_of_a_pruned_day_are_told_and_not_half_booked(tmp_path: Path) -> None:
    record(tmp_path)
    whole = ledger.booked(tmp_path, THIRD, "UTC").ledger
    prune(tmp_path, FIRST)
    file_fills(tmp_path, FIRST, fill(FIRST, 7, "buy", "60010.0"))
    told = ledger.booked(tmp_path, THIRD, "UTC")
    assert told.unsettled == (FIRST,)
    assert told.ledger == whole


def test_a_day_of_another_zone_is_another_ledger(tmp_path: Path) -> None:
    record(tmp_path)
    ledger.booked(tmp_path, THIRD, "UTC")
    there = ledger.booked(tmp_path, THIRD, "Asia/Kolkata")
    assert there.ledger.zone == "Asia/Kolkata"
    assert there.ledger.balance == ledger.booked(tmp_path, THIRD, "UTC").ledger.balance


def test_profits_are_between_days(tmp_path: Path) -> None:
    record(tmp_path)
    booked = ledger.booked(tmp_path, THIRD, "UTC")
    held = (*booked.before, booked.ledger)
    marked = [
        type(it)(**{name: getattr(it, name) for name in it.__struct_fields__} | {"marks": MARKS})
        for it in held
    ]
    assert profits(marked) == [Fraction("0.95"), Fraction("-1.05")]


MARKS = {"somewhere-usdm:BTCUSDC": "60010"}


def test_a_profit_is_far_from_the_others_by_robust_deviations() -> None:
    before = [Fraction(it) for it in (9, 10, 11, 10, 9, 11, 1000)]
    assert deviations(Fraction(10), before) == 0
    assert deviations(Fraction(25), before) > 4
    assert deviations(Fraction(25), [Fraction(10)] * 7) == 0
