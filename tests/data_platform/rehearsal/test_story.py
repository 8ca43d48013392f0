"""What ``tapedeck days`` writes down is what the rehearsal reads: two packages, one file."""

from pathlib import Path

import msgspec
import pytest

from data_platform.errors import Refused
from data_platform.rehearsal.story import WRITTEN, read
from trading_runtime.cli.days_command import WRITTEN as WRITTEN_THERE
from trading_runtime.days.damage import Damage
from trading_runtime.days.recording import Capture, Recorded
from trading_runtime.days.story import parse_start, story_of
from trading_runtime.store.hours import Hour

MADE = Recorded(
    sessions=("s1", "s2"),
    frames=7,
    hours=5,
    late=Capture(path="late/x.gz", venue="v", symbol="BTCUSDT", tick="0.1", lot="0.001"),
    damage=Damage("trades/2026-03-01/05/31.parquet", 4, "px", 617_894),
    audited=True,
)


def test_the_story_is_read_as_it_was_told(tmp_path: Path) -> None:
    assert WRITTEN == WRITTEN_THERE
    story = story_of(parse_start("2026-03-01"), 30, 7)
    (tmp_path / WRITTEN).write_bytes(msgspec.json.encode({"story": story, "made": MADE}))
    written = read(tmp_path)
    assert written.story.end == story.end
    assert written.story.hour(story.silent) == Hour("2026-03-01", 5)
    assert written.story.late is not None
    assert written.story.every_day() == ["2026-03-01", "2026-03-02"]
    assert len(written.story.every_hour()) == 30
    assert written.made.damage is not None
    assert written.made.damage.before == 617_894
    assert written.made.late is not None
    assert written.made.late.symbol == "BTCUSDT"


def test_a_folder_without_a_story_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="tapedeck days"):
        read(tmp_path)
