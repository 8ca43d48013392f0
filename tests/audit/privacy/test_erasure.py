"""A person is erased when the retention allows it, and the record tells that it was done."""

from pathlib import Path

import pytest

from tests.audit.privacy.test_subjects import LOGIN, PERSON
from trading_runtime.audit.index.opening import open_index
from trading_runtime.audit.privacy.concealing import conceal
from trading_runtime.audit.privacy.erasure import Erasure, erase
from trading_runtime.audit.privacy.subjects import SubjectKeys
from trading_runtime.errors import Refused
from trading_runtime.evidence import entry
from trading_runtime.evidence.index_row import row_of
from trading_runtime.evidence.submission import Deed, write
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

ORIGIN = "tapedeck.example/test"
DAY_NS = 86_400 * NANOS_PER_SECOND


def erase_after(days: int, folder: Path, told: list[Deed]) -> SubjectKeys:
    """Record one login, and try to erase who logged in so many days later."""
    keys = SubjectKeys(folder / "subjects")
    index = open_index(folder, "", ORIGIN)
    unsigned = write(conceal(LOGIN, keys), "console", "boot", 1, None)
    canonical = entry.seal(unsigned, entry.genesis(ORIGIN, "user:x"), 1)
    index.append(
        [row_of(0, entry.read(canonical), 1, entry.current_hash(canonical), canonical.decode())]
    )
    now = Nanos(LOGIN.event_time_ns + days * DAY_NS)
    try:
        erase(Erasure(PERSON, "eve", "asked for it", 30), keys, index, told.append, now)
    finally:
        index.close()
    return keys


def test_an_erased_person_can_be_read_by_nobody_and_the_entry_names_the_key(tmp_path: Path) -> None:
    told: list[Deed] = []
    keys = erase_after(31, tmp_path, told)
    (deed,) = told
    assert deed.event_type == "SubjectErased"
    assert deed.entity_id == f"user:{keys.key_id(PERSON)}"
    assert deed.request_data is not None
    assert len(str(deed.request_data["keySha256"])) == 64
    assert not (tmp_path / "subjects" / f"{keys.key_id(PERSON)}.key").exists()
    assert PERSON not in repr(deed)


def test_a_young_entry_forbids_it_and_the_key_stays(tmp_path: Path) -> None:
    told: list[Deed] = []
    with pytest.raises(Refused, match="29 days old, and entries are to be kept 30"):
        erase_after(29, tmp_path, told)
    assert told == []
    keys = SubjectKeys(tmp_path / "subjects")
    assert (tmp_path / "subjects" / f"{keys.key_id(PERSON)}.key").exists()


def test_who_was_never_concealed_cannot_be_erased(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path / "subjects")
    index = open_index(tmp_path, "", ORIGIN)
    with pytest.raises(Refused, match="there is no key"):
        erase(Erasure("bob", "eve", "", 30), keys, index, lambda _deed: None, Nanos(0))
    index.close()
