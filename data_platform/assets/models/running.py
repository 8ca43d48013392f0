"""From partition keys to published marts: plan, lay out, build, publish; and the documentation."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from data_platform.assets.models import build, inputs, published, publishing, workbench
from data_platform.assets.models.build import Outcome
from data_platform.assets.models.inputs import Plan
from data_platform.assets.models.published import Built
from trading_runtime.store import durable

BUILD = ("build", "--exclude-resource-type", "unit_test")
"""Unit tests prove the code, not the data: they run where the code is tested."""
NOTHING = Plan(asked=(), days=(), lines=(), ticker=(), trades=(), audit=(), before=None)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What one run made."""

    plan: Plan
    outcome: Outcome
    built: Mapping[str, Built]
    """By day; empty where a model was not built, because it broke or what it stands on is wrong."""
    rows: Mapping[str, int]
    """Of every table of the workbench."""


@contextmanager
def scratch(data: Path) -> Iterator[Path]:
    """Give a folder for one workbench, on the disk of the marts, and remove it."""
    root = published.marts_root(data) / "_staging"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        yield Path(folder)


def counts(path: Path) -> dict[str, int]:
    import duckdb  # noqa: PLC0415 -- slow to load

    with duckdb.connect(str(path), read_only=True) as bench:
        names = bench.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'desk'"
        ).fetchall()
        return {
            name: bench.execute(f'SELECT count(*) FROM desk."{name}"').fetchall()[0][0]  # noqa: S608 -- our own names
            for (name,) in names
        }


def make(data: Path, days: Sequence[str], marts: Sequence[str]) -> Made:
    """Build the models for ``days``, and publish ``marts`` of those that are recorded.

    All or nothing is published. A test that fails on a model that others stand on leaves these
    unbuilt; one on a mart stops nothing, for its rows are there to be looked at.
    """
    plan = inputs.plan(data, days)
    with scratch(data) as folder:
        path = workbench.lay_out(data, folder, plan)
        outcome = build.run(folder, BUILD)
        built = {} if outcome.unbuilt else publishing.publish(data, path, plan, marts)
        return Made(plan=plan, outcome=outcome, built=built, rows=counts(path))


def docs_path(data: Path) -> Path:
    return data / "models" / "docs" / "index.html"


def document(data: Path) -> Path:
    """Write the project's documentation as one page; its catalog is that of an empty machine."""
    place = docs_path(data)
    with scratch(data) as folder:
        workbench.lay_out(data, folder, NOTHING)
        build.run(folder, ("run",))
        build.run(folder, ("docs", "generate", "--static"))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "target" / "static_index.html", durable.temporary(place))
    durable.move(durable.temporary(place), place)
    return place
