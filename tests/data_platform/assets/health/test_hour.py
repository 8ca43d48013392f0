"""An hour looked at: what is well, what is not, and what is not known."""

from pathlib import Path

import pytest

from data_platform.assets.health import hour
from data_platform.assets.health.alarm import alarm
from data_platform.assets.health.hour import Asked, Health
from data_platform.assets.health.settings import HealthSettings
from data_platform.assets.reports.report import Item, Verdict
from data_platform.notices.notice import Severity
from tests.data_platform import filed
from tests.store.lake_rows import HOUR, INSTRUMENT, depth_rows, trade_rows
from trading_runtime.evidence import checkpoint
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.records.lake_schema import DEPTH, TRADES
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import durable
from trading_runtime.store.hours import HOUR_NS, Hour

NOW = Nanos(HOUR.end + 12 * 60 * 10**9)
LIMITS = HealthSettings(disk_used_percent_max=100)


def line(second: int, module: str, event: str, level: str = "INFO", more: str = "") -> bytes:
    at = f"{HOUR.name}:{second // 60:02d}:{second % 60:02d}.000000Z"
    return (
        f'{{"ts":"{at}","module":"{module}","level":"{level}","event":"{event}"{more},'
        f'"session":"s1","seq":{second}}}'
    ).encode()


LOAD = ',"cpu_percent":30,"memory_bytes":104857600,"turns":9,"busy_ms":1.0,"turn_max_ms":1.0'


def record(data: Path, *extra: bytes, module: Module = Module.RISK) -> None:
    """A well hour: a line a minute, an order book, and what is told besides."""
    loads = [line(60 * minute + 30, "system", "LoadMeasured", more=LOAD) for minute in range(60)]
    filed.file_lines(data, Module.SYSTEM, HOUR, loads)
    filed.file_rows(data, DEPTH, INSTRUMENT, HOUR, depth_rows(200))
    filed.file_rows(data, TRADES, INSTRUMENT, HOUR, trade_rows(50))
    if extra:
        filed.file_lines(data, module, HOUR, extra)


def look(data: Path, limits: HealthSettings = LIMITS, now: Nanos = NOW) -> Health:
    return hour.write(data, Asked(HOUR, limits, now))


def items(health: Health) -> dict[str, Item]:
    return {it.name: it for it in health.items}


def test_a_well_hour_raises_no_alarm(tmp_path: Path) -> None:
    record(tmp_path)
    health = look(tmp_path)
    assert health.anomalies == []
    assert alarm(health, NOW) is None
    told = items(health)
    assert told["Recorder, longest silence"].value == "60.0"
    assert told["CPU"].value == "runtime 30"
    assert told["Audit witness lag"].verdict is Verdict.UNKNOWN
    assert (tmp_path / "reports" / "health" / HOUR.day / "14.json").exists()


def test_an_hour_of_which_nothing_is_recorded_is_an_alarm(tmp_path: Path) -> None:
    health = look(tmp_path)
    told = alarm(health, NOW)
    assert told is not None
    assert told.severity is Severity.WARNING
    assert [it.name for it in health.anomalies] == ["Recorder"]
    unknown = [it.name for it in health.items if it.verdict is Verdict.UNKNOWN]
    assert {"Depth lag", "Gaps", "Errors", "CPU"} <= set(unknown)


@pytest.mark.parametrize(
    ("module", "extra", "name"),
    [
        (Module.MARKETDATA, line(5, "marketdata", "TradesMissed", "WARN"), "Gaps"),
        (
            Module.OMS,
            line(5, "oms", "LogGap", "WARN", ',"first_seq":1,"last_seq":9,"count":9'),
            "Gaps",
        ),
        (Module.OMS, line(5, "oms", "RateLimited", "ERROR"), "Errors"),
    ],
)
def test_what_should_not_happen_is_an_anomaly_with_its_count(
    tmp_path: Path, module: Module, extra: bytes, name: str
) -> None:
    record(tmp_path, extra, module=module)
    assert [it.name for it in look(tmp_path).anomalies] == [name]


def test_an_event_of_level_critical_makes_the_alarm_critical(tmp_path: Path) -> None:
    record(tmp_path, line(9, "risk", "PanicStopTriggered", "CRITICAL"))
    told = alarm(look(tmp_path), NOW)
    assert told is not None
    assert told.severity is Severity.CRITICAL
    assert "PanicStopTriggered 1" in told.text


def test_the_same_anomalies_of_the_next_hour_have_the_same_key(tmp_path: Path) -> None:
    first = alarm(look(tmp_path), NOW)
    second = alarm(hour.look(tmp_path, Asked(Hour(HOUR.day, 15), LIMITS, NOW)), NOW)
    assert first is not None
    assert second is not None
    assert first.key == second.key


def test_thresholds_are_the_settings(tmp_path: Path) -> None:
    record(tmp_path)
    strict = HealthSettings(
        silence_s_max=30,
        lag_ms_max=1,
        cpu_percent_max=20,
        memory_mib_max=50,
        disk_used_percent_max=0,
    )
    names = {it.name for it in look(tmp_path, strict).anomalies}
    assert names == {"Recorder, longest silence", "Depth lag p99", "CPU", "Memory", "Disk used"}


def test_of_an_old_hour_the_machine_says_nothing_any_more(tmp_path: Path) -> None:
    record(tmp_path)
    told = items(look(tmp_path, now=Nanos(HOUR.end + 3 * HOUR_NS)))
    assert told["Disk"].verdict is Verdict.UNKNOWN


def test_the_age_of_the_last_cosignature_is_the_witness_lag(tmp_path: Path) -> None:
    path = hour.checkpoint_of(tmp_path)
    key = SigningKey.generate("witness", Kind.COSIGNATURE)
    text = Checkpoint("log", 7, b"\0" * 32).text()
    for age_s, verdict in ((10, Verdict.WELL), (300, Verdict.ATTENTION)):
        signature = checkpoint.cosign(text, key, NOW // 10**9 - age_s)
        durable.write(path, f"{text}\n{signature.line()}".encode())
        item = items(look(tmp_path))["Audit witness lag"]
        assert (item.value, item.verdict) == (str(age_s), verdict)
    durable.write(path, b"no note")
    assert items(look(tmp_path))["Audit witness lag"].value == "unreadable"
