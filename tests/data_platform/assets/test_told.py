from pathlib import Path

import msgspec

from data_platform.assets import told
from trading_runtime.records.units import Nanos
from trading_runtime.store.manifest import Commit, Made, Manifest, Quality, RuleResult, Source

COMMIT = Commit(
    dataset="v/X/2025/11/19/14/depth.parquet",
    version=2,
    schema_id="depth/1",
    maker="test/1",
    sources=(Source(path="a", sha256="0", rows=10),),
    sealed=True,
    rows=10,
    content_sha256="ab" * 32,
    first_ts=Nanos(0),
    last_ts=Nanos(61 * 10**9),
)
MANIFEST = Manifest(
    commit=COMMIT,
    file_sha256="0",
    size_bytes=25,
    quality=Quality(file_sha256="0", expectations=1, broken=()),
    made=Made(run_id="r", at=Nanos(1)),
)


def test_the_data_version_follows_the_rows_and_not_the_run() -> None:
    rebuilt = msgspec.structs.replace(MANIFEST, made=Made(run_id="s", at=Nanos(2)), size_bytes=26)
    commit = msgspec.structs.replace(COMMIT, content_sha256="cd" * 32)
    other = msgspec.structs.replace(MANIFEST, commit=commit)
    assert told.data_version([rebuilt]) == told.data_version([MANIFEST])
    assert told.data_version([other]) != told.data_version([MANIFEST])


def test_totals_compare_with_the_sources_that_are_still_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    shown = told.totals([MANIFEST], tmp_path)
    assert (shown["rows"], shown["bytes"], shown["ratio"]) == (10, 25, 0.25)
    assert shown["status"] == "sealed"
    open_commit = msgspec.structs.replace(COMMIT, sealed=False)
    assert told.status([msgspec.structs.replace(MANIFEST, commit=open_commit)]) == "partial"
    assert told.totals([], tmp_path)["status"] == "no rows"


def test_the_table_names_dataset_version_and_span() -> None:
    assert told.table([MANIFEST]).splitlines()[-1] == (
        "| v/X/2025/11/19/14/depth.parquet | 2 | 10 | 25 | 1 | 00:00:00 | 00:01:01 | abababababab |"
    )


def test_a_broken_rule_is_shown_with_its_rows() -> None:
    rule = RuleResult(rule="px_positive", promise="above zero", blocking=True, found=2, rows=(3, 9))
    quality = Quality(file_sha256="0", expectations=1, broken=(rule,))
    assert told.broken_table([("d", quality)]).endswith(
        "| d | px_positive | yes | 2 | 3, 9 | above zero |"
    )
