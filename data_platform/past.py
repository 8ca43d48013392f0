"""Dagster's own past: finished runs and ticks that nobody will ask for.

A run stays, however old, while it holds the newest materialization of a partition: without it the
user interface would forget that the partition is there.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import dagster as dg

from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

FINISHED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
PAGE = 500
"""Runs and events that are asked for at a time."""


class Purged(NamedTuple):
    runs: tuple[str, ...]
    kept: int
    """Old runs that stay because a partition's newest materialization is theirs."""
    instigators: int
    """Schedules and sensors whose old ticks are gone."""


def moment(now: Nanos, days: int) -> datetime:
    return datetime.fromtimestamp(now // NANOS_PER_SECOND, tz=UTC) - timedelta(days=days)


def newest(instance: dg.DagsterInstance) -> set[str]:
    """Give the runs that hold the newest materialization of an asset or of a partition."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    found: set[str] = set()
    for key in instance.all_asset_keys():
        last = instance.get_latest_materialization_event(key)
        found |= {last.run_id} if last else set()
        ids = sorted(instance.get_latest_storage_id_by_partition(key, kind).values())
        for first in range(0, len(ids), PAGE):
            wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[first : first + PAGE])
            records = instance.fetch_materializations(wanted, limit=PAGE).records
            found |= {it.run_id for it in records}
    return found


def old_runs(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    """Give the finished runs that were made before, the newest first."""
    wanted = dg.RunsFilter(statuses=list(FINISHED), created_before=before)
    cursor: str | None = None
    while True:
        records = instance.get_run_records(wanted, limit=PAGE, cursor=cursor)
        yield from (it.dagster_run.run_id for it in records)
        if len(records) < PAGE:
            return
        cursor = records[-1].dagster_run.run_id


def purge_runs(instance: dg.DagsterInstance, before: datetime) -> tuple[list[str], int]:
    held = newest(instance)
    old = list(old_runs(instance, before))
    gone = [it for it in old if it not in held]
    for run_id in gone:
        instance.delete_run(run_id)
    return gone, len(old) - len(gone)


def purge_ticks(instance: dg.DagsterInstance, before: datetime) -> int:
    states = instance.all_instigator_state()
    for it in states:
        instance.purge_ticks(it.instigator_origin_id, it.selector_id, before.timestamp())
    return len(states)


def purge(
    instance: dg.DagsterInstance, runs_kept_days: int, ticks_kept_days: int, now: Nanos
) -> Purged:
    gone, kept = purge_runs(instance, moment(now, runs_kept_days))
    count = purge_ticks(instance, moment(now, ticks_kept_days))
    return Purged(tuple(gone), kept, count)
