"""What the archive's store keeps against its owner: locks, and what becomes cold and when."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from data_platform.assets.archive.settings import RetentionSettings, lock_until
from data_platform.rehearsal.owner import THREADS, Owner, Tier
from data_platform.rehearsal.scene import Finding, Scene
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.lifecycle import PROBES, rules_of
from trading_runtime.store.archive.manifest import ArchiveManifest
from trading_runtime.store.objects.bucket import moment
from trading_runtime.store.objects.multipart import PART_BYTES
from trading_runtime.store.objects.opening import is_folder
from trading_runtime.store.objects.place import place_of

LABELS_LOOKED_AT = 50
"""Of each data set: one request each."""


def shown(scene: Scene, store: Archive, manifests: Sequence[ArchiveManifest]) -> list[Finding]:
    """Hold the locks of the archive against the table, and try to break some."""
    if is_folder(scene.stage.settings.archive.location):
        return [
            Finding("locks", "not shown, a folder has none", holds=True),
            Finding("labels", "not shown, a folder has none", holds=True),
        ]
    owner = owner_of(scene)
    versions = owner.versions()
    found = labels(owner, versions, manifests)
    if not store.objects.capabilities.retention_lock:
        why = "; ".join(store.objects.capabilities.absent)
        return [Finding("locks", f"not shown, {why}", holds=True), found]
    promised = promises(scene.stage.settings.platform.retention, manifests, scene.now)
    return [
        locks(owner, versions, manifests, promised),
        refusals(owner, versions, store, manifests, promised),
        found,
    ]


def rolled_on(
    scene: Scene, store: Archive, manifests: Iterable[ArchiveManifest], now: Nanos
) -> Finding:
    """What is kept for ever is locked from ``now`` on for as long as it was at first."""
    if not store.objects.capabilities.retention_lock:
        return Finding("locks that roll on", "not shown, the store has none", holds=True)
    table, owner = scene.stage.settings.platform.retention, owner_of(scene)
    for_ever = [it for it in manifests if not table.row(it.dataset).archive_days]
    found = locks(owner, owner.versions(), for_ever, promises(table, for_ever, now))
    return found._replace(what="locks that roll on")


def owner_of(scene: Scene) -> Owner:
    settings = scene.stage.settings.archive
    return Owner(place_of(settings.location, settings.endpoint))


def promises(
    table: RetentionSettings, manifests: Iterable[ArchiveManifest], now: Nanos
) -> dict[str, Nanos]:
    """Give until when each object has to be locked; what several partitions name, the longest."""
    promised: dict[str, Nanos] = {}
    for it in manifests:
        until = lock_until(table.row(it.dataset), it.day, now)
        if until is not None:
            promised |= {key: max(until, promised.get(key, until)) for key in keys_of(it)}
    return promised


def keys_of(manifest: ArchiveManifest) -> list[str]:
    return [manifest.key, *(it.key for it in manifest.files)]


def locks(
    owner: Owner,
    versions: Mapping[str, str],
    manifests: Iterable[ArchiveManifest],
    promised: Mapping[str, Nanos],
) -> Finding:
    """Each object that the table promises a lock for has one, for as long at least."""
    names = sorted({it.dataset for it in manifests if it.key in promised})
    with ThreadPoolExecutor(THREADS) as pool:
        ends = dict(
            zip(
                promised,
                pool.map(lambda it: owner.locked_until(it, versions[it]), promised),
                strict=True,
            )
        )
    held = {key: end for key, end in ends.items() if end is not None and end >= promised[key]}
    first = f", the first until {moment(min(held.values()))}" if held else ""
    said = f"{len(held)} of {len(promised)} objects of {', '.join(names)} in COMPLIANCE mode{first}"
    return Finding("locked", said, bool(held) and held.keys() == promised.keys())


def refusals(
    owner: Owner,
    versions: Mapping[str, str],
    store: Archive,
    manifests: Iterable[ArchiveManifest],
    promised: Mapping[str, Nanos],
) -> Finding:
    """Of each locked data set the owner can neither delete nor shorten, and all of it is there."""
    chosen = {it.dataset: it for it in manifests if it.key in promised}
    tried = [key for it in chosen.values() for key in (it.key, it.files[0].key)]
    taken = []
    for key in tried:
        until = owner.locked_until(key, versions[key])
        if until is None or owner.may_shorten(key, versions[key], until):
            taken.append(f"{key} can be shortened")
        if owner.may_delete(key, versions[key]):
            taken.append(f"{key} can be deleted")
        elif owner.locked_until(key, versions[key]) != until:
            taken.append(f"{key} is locked for another time now")
    damaged = sum(len(store.problems(it)) for it in chosen.values())
    said = f"of {len(tried)} objects {len(taken)} could be shortened or deleted"
    said += f", {damaged} do not read back afterwards{': ' if taken else ''}{'; '.join(taken)}"
    return Finding("refused to their owner", said, bool(tried) and not taken and not damaged)


def labels(
    owner: Owner, versions: Mapping[str, str], manifests: Iterable[ArchiveManifest]
) -> Finding:
    """What lifecycle rules go by is on the objects; some stores forget it of an upload in parts."""
    named: dict[str, set[str]] = {}
    looked_at: dict[str, list[str]] = {}
    for it in manifests:
        for file in it.files:
            named.setdefault(file.key, set()).add(it.dataset)
            mine = looked_at.setdefault(it.dataset, [])
            if len(mine) < LABELS_LOOKED_AT and file.size <= PART_BYTES:
                mine.append(file.key)
    keys = sorted({key for mine in looked_at.values() for key in mine})
    with ThreadPoolExecutor(THREADS) as pool:
        told = list(pool.map(lambda it: owner.label(it, versions[it]), keys))
    wrong = [key for key, label in zip(keys, told, strict=True) if label not in named[key]]
    said = f"{len(keys) - len(wrong)} of {len(keys)} objects carry their data set's name"
    return Finding("labels", said, not wrong)


def tiers(scene: Scene) -> Finding:
    """The store's own rules are those of the table, and none deletes what was archived."""
    settings = scene.stage.settings
    if is_folder(settings.archive.location):
        return Finding("tiers", "not shown, a folder has none", holds=True)
    table, cold_class = settings.platform.retention, settings.archive.cold_class
    hot_days = {name: row.hot_days for name, row in table.rows().items()}
    wanted = {
        it.name: Tier(it.cold_days, it.cold_class, it.prefix == PROBES)
        for it in rules_of(hot_days, cold_class)
    }
    found = owner_of(scene).tiers()
    if not found:
        return Finding("tiers", "not shown, the store keeps no lifecycle rules", holds=True)
    moved = ", ".join(
        f"{name.removeprefix('cold-')} after {it.cold_days} d"
        for name, it in sorted(found.items())
        if it.cold_days
    )
    return Finding("tiers", f"to {cold_class}: {moved}", found == wanted)
