"""The platform pays for what it imports, so the shared room must stay light."""

import subprocess
import sys

PROBE = """
import sys
before = set(sys.modules)
import trading_runtime.records.segments, trading_runtime.records.layout
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
ALLOWED = {"trading_runtime", "msgspec", "typing_extensions"}


def test_records_load_no_library_but_msgspec() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(loaded) - set(sys.stdlib_module_names) <= ALLOWED
