"""What is wrong with the platform's part of the settings is said before anything starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from trading_runtime.cli.up_command import check_platform
from trading_runtime.errors import Refused

CHECK = [sys.executable, "-m", "data_platform.settings"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('business_tz = "Mars/Base"', "there is no time zone 'Mars/Base' - at `$.platform`"),
        ("[platform.health]\nlag_ms_max = 'high'", "`float`, got `str` - at `$.platform.health"),
        ("[platform.helth]", "unknown field `helth` - at `$.platform`"),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"[platform]\n{text}\n")
    with pytest.raises(Refused) as refused:
        check_platform(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert says in str(refused.value)


def test_the_shipped_settings_are_right() -> None:
    assert subprocess.run([*CHECK, "trading_runtime/tapedeck.toml"], check=False).returncode == 0
