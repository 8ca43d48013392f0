"""What a new session takes over from the last one when the settings have changed between them."""

import re
from pathlib import Path

from tests.app.sessions import tapedeck
from tests.faults.crashing import hurried_settings, kill, live_until, start_runtime, stop
from tests.live.venue import READY_WITHIN_S, SimulatedVenue, until
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.facts_trading import QuotesDecided
from trading_runtime.records.inputs import ParametersActivated

EXAMPLE = Path(__file__).parents[2] / "examples" / "strategies" / "two_sided.py"


def bodies_of(folder: Path) -> list[object]:
    return [decode_body(record.body) for record in read_session(folder)]


def decided(data: Path) -> list[QuotesDecided]:
    """Give what the newest session has decided so far."""
    bodies = bodies_of(find_sessions(data)[-1])
    return [body for body in bodies if isinstance(body, QuotesDecided)]


def levels_of(data: Path) -> set[int]:
    return {body.bid_levels for body in decided(data)}


def test_parameters_and_strategy_changed_in_the_settings_count_from_the_next_start(
    tmp_path: Path,
) -> None:
    settings, data = hurried_settings(tmp_path / "hurried.toml"), tmp_path / "data"
    with SimulatedVenue(tmp_path / "venue") as venue:
        runtime = start_runtime(data, settings, venue)
        live_until(runtime, 1.5)
        kill(runtime)

        text = settings.read_text()
        settings.write_text(text.replace("\nlevels = 5\n", "\nlevels = 2\n"))
        runtime = start_runtime(data, settings, venue)
        until("two levels", READY_WITHIN_S, lambda: 2 in levels_of(data))
        stop(runtime)
        bodies = bodies_of(find_sessions(data)[-1])
        (activated,) = [body for body in bodies if isinstance(body, ParametersActivated)]
        assert b'"levels":2' in activated.parameters
        assert levels_of(data) <= {0, 1, 2}

        own = text.replace('name = "grid"', f'name = "{EXAMPLE}:TwoSided"')
        parameters = "[strategy.parameters]\ndistance_ticks = 2\nsize_lots = 2\n\n[paper]"
        settings.write_text(re.sub(r"(?s)\[strategy\.parameters\].*?\[paper\]", parameters, own))
        runtime = start_runtime(data, settings, venue)
        until(
            "its own strategy's quotes",
            READY_WITHIN_S,
            lambda: any("two-sided" in body.reason for body in decided(data)),
        )
        stop(runtime)

        for folder in find_sessions(data):
            done = tapedeck("replay", data, "--check", "--session", folder.name)
            assert done.returncode == 0, done.stdout + done.stderr
