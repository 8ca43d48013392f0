"""The cold copy in a verification: each object by itself, then against the tree."""

from collections.abc import Iterator

from trading_runtime.evidence import layout
from trading_runtime.evidence.digest import Segment
from trading_runtime.evidence.verify import segments
from trading_runtime.evidence.verify.archive import fetch
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.segments import ObjectTask
from trading_runtime.evidence.verify.spread import Spread
from trading_runtime.evidence.verify.stitch import Stitch
from trading_runtime.evidence.verify.verification import Verification


def check_objects(run: Verification, stitch: Stitch, spread: Spread) -> None:
    """Read every object of the archive that a digest names, and every other below blocks/."""
    if run.evidence.archive is None:
        return
    names = segments.named(run.held)
    for key in sorted(names.keys() - run.listing.keys):
        said = f"{names[key][1]} names it"
        run.findings.add(Finding(check=Check.SEGMENT_MISSING, said=said, where=key))
    check_strangers(run)
    for read in spread(segments.read_object, object_tasks(run, names)):
        named = names.get(read.key)
        run.findings.extend(read.findings)
        run.findings.extend(
            segments.judge(read, None if named is None else named[0], stitch.subtrees)
        )
        if named is None:
            run.notices.append(f"{read.key} is named by no digest yet")


def object_tasks(run: Verification, names: dict[str, tuple[Segment, str]]) -> Iterator[ObjectTask]:
    evidence = run.evidence
    for key in sorted(run.listing.keys):
        place = segments.place_of(key)
        if place is None or place.first >= run.end or place.end <= run.first:
            continue
        content = fetch(evidence.archive, key, run.listing, run.findings)
        if content is None:
            continue
        frames, bundle = "", None
        if key.endswith(segments.PARQUET) and evidence.columns is not None:
            frames = frames_of(run, place.block)
            if not frames:
                other = key.removesuffix(segments.PARQUET) + segments.BUNDLES
                bundle = fetch(evidence.archive, other, run.listing, run.findings)
        yield ObjectTask(
            key=key,
            place=place,
            segment=names[key][0] if key in names else None,
            content=content,
            frames=frames,
            bundle=bundle,
            origin=run.believed.trust.origin,
            columns=evidence.columns,
        )


def frames_of(run: Verification, block: int) -> str:
    log = run.evidence.log
    path = None if log is None else layout.frames_path(log, block)
    return str(path) if path is not None and path.exists() else ""


def check_strangers(run: Verification) -> None:
    """Find objects whose key is none of the format; heads may come before their digest."""
    known = {layout.digest_key(it) for it in run.held.numbers}
    known |= {layout.heads_key(it) for it in range(1, run.held.newest + 2)}
    for key in sorted(run.listing.keys - known):
        if segments.place_of(key) is None:
            said = "no digest names it, and no rule gives it this place"
            run.findings.add(Finding(check=Check.ARCHIVE_UNKNOWN, said=said, where=key))
