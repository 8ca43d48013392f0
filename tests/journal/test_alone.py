"""One process of a kind on a data folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from trading_runtime.errors import Refused
from trading_runtime.journal.alone import alone

HOLD = """
import sys
from pathlib import Path
from trading_runtime.journal.alone import alone
with alone(Path(sys.argv[1]), "taken"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_until_the_first_is_gone_however_it_went(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "deep" / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Refused, match="taken"), alone(lock, "taken"):
        pass
    holder.kill()
    holder.communicate()
    with alone(lock, "taken"):
        pass
