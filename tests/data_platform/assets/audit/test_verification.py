"""A day's verification, as the auditor's own program says it."""

from pathlib import Path

import msgspec

from data_platform.assets.audit import verification
from data_platform.assets.audit.verification import Believed
from tests.evidence.verify.building import ORIGIN, Building, fill
from trading_runtime.evidence import layout
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.folder import Folder

DAY = "2026-11-20"
BESIDE = Believed("", "")


def built(root: Path) -> Building:
    log = Building(root)
    fill(log)
    log.write()
    return log


def now_of(log: Building) -> Nanos:
    return Nanos((log.now + 60) * NANOS_PER_SECOND)


def test_a_day_is_its_utc_seconds() -> None:
    since, until = verification.span(DAY)
    assert (since, until) == (1_795_132_800, 1_795_132_800 + 86_400)


def test_a_whole_day_has_three_good_verdicts_and_is_written_down(tmp_path: Path) -> None:
    log = built(tmp_path)
    report = verification.verify_day(tmp_path, Folder(log.archive), BESIDE, DAY, now_of(log))
    told = verification.told(report)
    assert (told["integrity"], told["completeness"], told["freshness"]) == ("ok", "ok", "ok")
    assert (told["exit_status"], told["first"]) == (0, "nothing diverges")
    assert "no retention lock" in str(told["protection_absent"])
    path = verification.keep(tmp_path, DAY, report)
    assert msgspec.json.decode(path.read_bytes())["origin"] == ORIGIN
    assert path == tmp_path / "reports" / "audit" / f"{DAY}.json"


def test_a_changed_entry_is_named(tmp_path: Path) -> None:
    log = built(tmp_path)
    path = layout.frames_path(log.log, 0)
    path.write_bytes(path.read_bytes().replace(b'"0.001"', b'"0.002"', 1))
    report = verification.verify_day(tmp_path, Folder(log.archive), BESIDE, DAY, now_of(log))
    assert (report.exit_status, report.integrity) == (1, "failed")
    assert "at entry 0" in verification.first_said(report)


def test_who_believes_another_pin_or_folder_is_not_talked_out_of_it(tmp_path: Path) -> None:
    log = built(tmp_path / "data")
    other = Building(tmp_path / "other", quorum="none")
    other.write_trust()
    archive = Folder(log.archive)
    trust = str(layout.trust_path(other.audit).parent)
    for believed in (Believed(other.pin, ""), Believed(log.pin, trust)):
        report = verification.verify_day(tmp_path / "data", archive, believed, DAY, now_of(log))
        assert report.exit_status == 1
    believed = Believed(log.pin, str(layout.trust_path(log.audit).parent))
    report = verification.verify_day(tmp_path / "data", archive, believed, DAY, now_of(log))
    assert report.exit_status == 0


def test_a_record_that_was_pinned_is_missed_when_it_is_gone(tmp_path: Path) -> None:
    assert not verification.is_kept(tmp_path, BESIDE)
    assert verification.is_kept(tmp_path, Believed("aa", ""))
    built(tmp_path)
    assert verification.is_kept(tmp_path, BESIDE)
