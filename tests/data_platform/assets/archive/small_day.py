"""A data folder with something of every data set, of one day, that all followers have read."""

from pathlib import Path

from data_platform.assets import batch
from data_platform.assets.archive.holdings import HOLDINGS, Holding
from data_platform.assets.archive.pruning import compressed_path
from data_platform.assets.archive.settings import RetentionSettings
from data_platform.assets.ticks import compaction
from tests.journal.written import write_session
from tests.store.lake_rows import HOUR, depth_rows, trade_rows, write_hour
from trading_runtime.journal.place import Place
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import commit, durable
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import ArchiveManifest
from trading_runtime.store.manifest import Made, Quality
from trading_runtime.store.search import members

DAY = HOUR.day
OLD, MIDDLE, NEW = (f"20251119T{hour}0000000000Z-abc" for hour in (10, 11, 12))
LATER = tuple(f"20251119T1{minute}3000000000Z-abc" for minute in (3, 4, 5))
"""Three newer sessions: of the older ones no start may read a segment."""
TABLE = RetentionSettings()


def holding(name: str) -> Holding:
    (found,) = [it for it in HOLDINGS if it.name == name]
    return found


def write_journals(data: Path) -> None:
    for session in (OLD, MIDDLE):
        write_session(data, session, [3, 3])
    for session in LATER:
        write_session(data, session, [1])
    follow(data)


def follow(data: Path) -> None:
    """Let scribe be through with every session that is there."""
    folder = Path(layout.sessions(data))
    place = Place(data, "scribe")
    place.store({}, frozenset(it.name for it in folder.iterdir()))
    place.close()


def write_minutes(data: Path) -> None:
    write_hour(data, depth_rows(6), trade_rows(4))


def publish(data: Path) -> None:
    """Publish the hour without asking anybody for its quality."""
    root = Path(layout.lake(data))
    for table in TABLES.values():
        name = compaction.batch_name(table, HOUR)
        compaction.stage_hour(data, table, HOUR)
        for dataset in batch.to_judge(root, name, table):
            digest = durable.sha256(dataset.candidate)
            commit.judge(dataset, Quality(file_sha256=digest, expectations=0, broken=()))
        batch.publish(root, name, table, Made(run_id="run", at=Nanos(1)))


def write_log(data: Path, part: int = 1) -> tuple[Path, Path]:
    """Seal a log and compress it; give both files."""
    name = layout.sealed_log_name(Module.OMS, HOUR.name, part)
    line = f'{{"ts":"{HOUR.name}:00:0{part}Z","module":"oms","level":"INFO","event":"Started"}}\n'
    plain, gz = Path(layout.sealed_logs(data)) / name, compressed_path(data, name)
    durable.write(plain, line.encode() * 3)
    gz.parent.mkdir(parents=True, exist_ok=True)
    members.compress(plain, gz, HOUR.start)
    return plain, gz


def write_day(data: Path) -> None:
    write_journals(data)
    write_minutes(data)
    publish(data)
    write_log(data)
    day = DAY.replace("-", "/")
    for path in (
        f"archive/logs/oms/{day}/14.parquet",
        f"archive/critical/{day}.parquet",
        f"reports/{DAY}.html",
        f"backups/{DAY}/index.sqlite.gz",
        f"marts/fct_orders/{day}.parquet",
        f"marts/_days/{DAY}.json",
    ):
        durable.write(data / path, path.encode())


def contents(data: Path, *but: str) -> dict[str, bytes]:
    """Give every file below ``data`` that a data set may have, but for some by their beginnings."""
    return {
        path.relative_to(data).as_posix(): path.read_bytes()
        for path in sorted(data.rglob("*"))
        if path.is_file() and not path.relative_to(data).as_posix().startswith(but)
    }


def everything(archive: Archive) -> list[ArchiveManifest]:
    return [it for name in archive.datasets() for it in archive.manifests(name)]
