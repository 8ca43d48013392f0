"""What is wrong with a settings file is one sentence that names file and field."""

from pathlib import Path

import pytest

from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.errors import Refused


@pytest.mark.parametrize(
    ("line", "wrong", "says"),
    [
        ('tick_size = "0.10"', 'tick_size = "abc"', "tick_size: step 'abc' is not a positive"),
        ('lot_size = "0.001"', 'lot_size = "0"', "lot_size: step '0' is not a positive"),
        ("retention_days = 3_650", "retentoin_days = 1", "unknown field `retentoin_days`"),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path: Path, line: str, wrong: str, says: str) -> None:
    shipped = SHIPPED.read_text()
    assert line in shipped
    file = tmp_path / "mine.toml"
    file.write_text(shipped.replace(line, wrong))
    with pytest.raises(Refused) as refused:
        load_settings(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert says in str(refused.value)
