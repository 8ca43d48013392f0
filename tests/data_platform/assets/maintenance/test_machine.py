import os
from pathlib import Path

from data_platform.assets.maintenance import machine, upkeep
from data_platform.assets.reports.report import Verdict
from tests.data_platform import filed
from tests.store.lake_rows import HOUR, INSTRUMENT, depth_rows, trade_rows, write_hour
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.hours import HOUR_NS

APT = """\
Listing...
openssl/stable-security 3.0.17-1~deb12u3 amd64 [upgradable from: 3.0.15-1~deb12u1]
tzdata/stable-updates 2025b-0+deb12u2 all [upgradable from: 2025b-0+deb12u1]
"""


def test_pending_updates_for_security_need_attention() -> None:
    updates, reboot = machine.updates_of(APT, reboot=False)
    assert updates.value == "2, 1 of them for security"
    assert (updates.verdict, updates.why) == (Verdict.ATTENTION, "security: openssl")
    assert (reboot.value, reboot.verdict) == ("no", Verdict.PLAIN)
    assert machine.updates_of("Listing...\n", reboot=True)[1].verdict is Verdict.ATTENTION


def test_a_machine_without_apt_or_gpu_says_so() -> None:
    (updates,) = machine.updates_of(None, reboot=False)
    assert updates.verdict is Verdict.UNKNOWN
    assert machine.gpu_of(None).verdict is Verdict.UNKNOWN
    told = machine.gpu_of("NVIDIA L4, 31 %, 1200 MiB, 23034 MiB, 55\n")
    assert told.value == "NVIDIA L4, 31 %, 1200 MiB, 23034 MiB, 55"
    assert machine.said(("no-such-program-here",)) is None


def test_memory_is_what_can_be_had_without_swapping() -> None:
    text = "MemTotal:       16384000 kB\nMemFree: 1 kB\nMemAvailable:    8192000 kB\n"
    assert machine.memory_of(text).value == "8000 of 16000"
    scarce = text.replace("8192000", "100000")
    assert machine.memory_of(scarce).verdict is Verdict.ATTENTION
    assert machine.memory_of("").verdict is Verdict.UNKNOWN


def test_sealed_hours_that_nobody_compacted_are_overdue_after_a_while(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(50), trade_rows(20))
    marker = Path(layout.lake(tmp_path) / layout.hour_marker("depth", HOUR.day, HOUR.of_day))
    at = marker.stat().st_mtime_ns
    waiting = upkeep.compressed(tmp_path, DEPTH, Nanos(at + HOUR_NS))
    assert (waiting.sealed, waiting.published, waiting.overdue) == (1, 0, ())
    late = Nanos(at + 3 * HOUR_NS)
    assert upkeep.compressed(tmp_path, DEPTH, late).overdue == (HOUR.name,)
    filed.file_rows(tmp_path, DEPTH, INSTRUMENT, HOUR, depth_rows(50))
    done = upkeep.compressed(tmp_path, DEPTH, late)
    assert (done.published, done.overdue) == (1, ())
    assert done.bytes_out > 0 < done.bytes_in
    told = {it.name: it for it in upkeep.look(tmp_path, 7, late)}
    assert told["Compacted depth"].verdict is Verdict.PLAIN
    assert told["Compacted trades"].verdict is Verdict.ATTENTION


def test_plain_logs_past_their_time_need_attention(tmp_path: Path) -> None:
    path = Path(layout.sealed_logs(tmp_path)) / "oms-2025-11-19T14-001.jsonl"
    durable.write(path, b"{}\n")
    now = Nanos(path.stat().st_mtime_ns + HOUR_NS)
    assert upkeep.logs(tmp_path, 7, now).verdict is Verdict.PLAIN
    os.utime(path, ns=(0, now - 8 * 24 * HOUR_NS))
    assert upkeep.logs(tmp_path, 7, now).why == "1 are older than 7 days"


def test_the_machine_answers() -> None:
    assert len(machine.look(updates=False)) == 3
