"""A venue's name outside ``core/venues/`` and ``simulator/``: its rules leaked there too."""

import re
from pathlib import Path

RUNTIME = Path(__file__).parents[2] / "trading_runtime"
VENUES = RUNTIME / "core" / "venues"
NAMED_IN = (VENUES, RUNTIME / "simulator")


def test_no_venue_is_named_elsewhere() -> None:
    venues = [entry.name for entry in VENUES.iterdir() if (entry / "wire.py").exists()]
    named = re.compile("|".join(venues), re.IGNORECASE)
    leaks = [
        path
        for path in RUNTIME.rglob("*.py")
        if not any(path.is_relative_to(room) for room in NAMED_IN)
        and named.search(path.read_text())
    ]
    assert venues
    assert leaks == []
