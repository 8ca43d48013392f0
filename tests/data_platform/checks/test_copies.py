"""How many copies of the audit record the archive holds, day by day."""

from pathlib import Path

from data_platform.checks import copies
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.opening import open_archive

NOW = Nanos(1_800_000_000 * NANOS_PER_SECOND)


def test_a_copy_that_is_gone_is_missed_until_it_is_back(tmp_path: Path) -> None:
    archive = open_archive("", tmp_path / "archive", "", NOW)
    keys = ["blocks/000000/entries.parquet", "blocks/000000/entries.jsonl.gz", "digests/1.json"]
    for key in keys:
        archive.put_new(key, key.encode(), None)

    def missing() -> dict[str, int]:
        found = copies.look(tmp_path, archive, NOW)
        return {it.rule.name: it.measured for it in found if it.broken}

    assert missing() == {}
    archive.put_new("digests/2.json", b"2", None)
    archive.put_new("heads/2", b"2", None)
    assert missing() == {}
    kept = [it for it in (tmp_path / "archive").rglob("*") if it.name == "1.json"]
    content = kept[0].read_bytes()
    kept[0].chmod(0o600)
    kept[0].unlink()
    archive.put_new("heads/3", b"3", None)  # more of another kind makes up for nothing
    assert missing() == {"digests_never_fewer": 1}
    assert missing() == {"digests_never_fewer": 1}
    kept[0].write_bytes(content)
    assert missing() == {}


def test_another_archive_has_its_own_history(tmp_path: Path) -> None:
    first = open_archive("", tmp_path / "one", "", NOW)
    first.put_new("digests/1.json", b"1", None)
    copies.look(tmp_path, first, NOW)
    other = open_archive("", tmp_path / "other", "", NOW)
    assert not any(it.broken for it in copies.look(tmp_path, other, NOW))
