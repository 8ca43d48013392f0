"""The stages of a verification: checkpoints, then blocks, then what only the end of them shows."""

from collections.abc import Iterator

from trading_runtime.errors import Misread
from trading_runtime.evidence import layout
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.verify import digests, hot, plan, segments
from trading_runtime.evidence.verify.archive import Listing, fetch, read_listing
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.believed import (
    PUBLISHED,
    Believed,
    Seen,
    check_rollback,
    check_roots,
    check_sizes,
    newest,
    open_checkpoint,
)
from trading_runtime.evidence.verify.block import BlockTask, read_block
from trading_runtime.evidence.verify.boots import Boots
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.digests import Digests
from trading_runtime.evidence.verify.findings import Finding, Findings
from trading_runtime.evidence.verify.spread import Spread
from trading_runtime.evidence.verify.stitch import Stitch


class Verification:
    """One verification, stage by stage; what a stage found out is here for the next."""

    def __init__(
        self, evidence: Evidence, question: Question, believed: Believed, findings: Findings
    ) -> None:
        self.evidence = evidence
        self.question = question
        self.believed = believed
        self.findings = findings
        self.notices: list[str] = []
        self.listing: Listing = read_listing(evidence.archive, findings)
        self.held: Digests = digests.read_digests(
            evidence.log, evidence.archive, self.listing, believed, findings
        )
        digests.check_chain(self.held, believed, findings)
        self.seen, self.top = self.read_checkpoints()
        self.witnessed = 0 if self.top is None else self.top.accepted.checkpoint.size
        self.tiles = plan.Tiles(evidence.log, self.witnessed)
        self.needed = 0
        self.indexed = 0 if evidence.index is None else hot.end_of(evidence.index)
        self.first, self.end = 0, plan.ENDLESS
        if question.ranged:
            self.first, self.end = plan.entries_between(
                self.held, believed.trust, question.since, question.until
            )

    def read_checkpoints(self) -> tuple[list[Seen], Seen | None]:
        """Give every checkpoint there is, and the newest."""
        evidence, findings = self.evidence, self.findings
        own: list[tuple[str, bytes]] = []
        path = None if evidence.log is None else layout.checkpoint_path(evidence.log)
        if path is not None and path.exists():
            try:
                own.append((PUBLISHED, path.read_bytes()))
            except OSError as fault:
                said = f"it cannot be read: {fault.strerror}"
                findings.add(Finding(check=Check.UNREADABLE, said=said, where=PUBLISHED))
        direct = [
            it
            for where, data in (*own, *evidence.checkpoints)
            if (it := open_checkpoint(where, data, self.believed, findings)) is not None
        ]
        inside = digests.read_checkpoints(self.held, self.believed, findings)
        seen = [*direct, *inside]
        check_sizes(seen, findings)
        check_rollback(direct, inside, findings)
        return seen, newest(direct) if evidence.log is not None else newest(seen)

    def read_blocks(self, stitch: Stitch, spread: Spread) -> int:
        """Read and take every block of the range; give how many entries were read."""
        sizes = [it.accepted.checkpoint.size for it in self.seen]
        for kept in self.held.kept.values():
            # Both ends: the digest before may be missing.
            sizes += [kept.digest.tree_size_from, kept.digest.tree_size_to]
        self.needed = needed = max(sizes, default=0)
        places = [segments.place_of(key) for key in self.listing.keys]
        sizes += [place.end for place in places if place is not None]
        sources = plan.sources(self.evidence.log, self.listing.keys, needed)
        wanted = list(plan.within(sources, self.first, self.end))
        reads = spread(read_block, self.block_tasks(wanted, plan.cuts(sizes)))
        count = 0
        for source, asked in wanted:
            end = (source.block + 1) * BLOCK
            read = next(reads) if asked and (source.frames or source.key) else None
            if read is not None:
                stitch.take(read)
                count += read.count
                if read.torn:
                    self.notices.append(f"a torn frame ends {source.frames}: a crash left it")
            if stitch.size < min(end, needed) and asked:
                self.findings.add(
                    self.missing(stitch.size, min(end, needed), source.frames or source.key)
                )
            if stitch.size < end and source is not sources[-1]:
                stitch.skip(end, self.tiles.block_hash(source.block))
        return count

    def block_tasks(
        self, wanted: list[tuple[plan.Source, bool]], cuts: dict[int, tuple[int, ...]]
    ) -> Iterator[BlockTask]:
        log = self.evidence.log
        last = max((it.block for it, _ in wanted if it.frames), default=-1)
        for source, asked in wanted:
            if not asked or not (source.frames or source.key):
                continue
            bundle: bytes | None = None
            if not source.frames:
                bundle = fetch(self.evidence.archive, source.key, self.listing, self.findings)
            yield BlockTask(
                block=source.block,
                origin=self.believed.trust.origin,
                log="" if log is None else str(log),
                where=source.frames or ("" if bundle is None else source.key),
                bundle=bundle,
                last=source.block == last,
                cuts=cuts.get(source.block, ()),
                tiled=self.witnessed,
                index=self.evidence.index,
            )

    def missing(self, first: int, end: int, where: str) -> Finding:
        said = f"entries {first} to {end - 1} are counted, and no one holds them"
        return Finding(
            check=Check.ENTRIES_MISSING,
            said=said,
            index=first,
            where=where or f"block {first // BLOCK}",
            expected=str(end),
            found=str(first),
        )

    def finish(self, stitch: Stitch, boots: Boots) -> None:
        """Judge what only the end of the log shows."""
        findings, evidence = self.findings, self.evidence
        whole = stitch.complete and stitch.size >= self.needed
        findings.extend(boots.finish(self.witnessed if whole else 0, complete=whole))
        findings.extend(stitch.findings)
        findings.extend(stitch.repeated_events())
        check_roots(self.seen, self.top, stitch.roots, findings)
        digests.check_roots(self.held, stitch.roots, findings)
        self.check_tiles(stitch)
        if self.question.ranged:
            return
        if evidence.index is not None:
            # Rows of entries that are counted and missing are no forgery.
            size = max(stitch.size, self.needed)
            findings.extend(hot.beyond(evidence.index, size, self.indexed))
        declared = [word for word in stitch.words if word.event_type == "TrustDeclared"]
        if declared or (stitch.complete and stitch.size):
            found = declared[-1].request.get("pin") if declared else None
            if found != self.believed.pin:
                findings.add(
                    Finding(
                        check=Check.TRUST_DECLARED,
                        said="the log's last TrustDeclared does not name this trust.json",
                        index=declared[-1].at if declared else None,
                        expected=self.believed.pin,
                        found=None if found is None else str(found),
                    )
                )

    def check_tiles(self, stitch: Stitch) -> None:
        """Compare the tiles above the blocks: level 2 with each block, all with the root."""
        for (first, end), mine in stitch.subtrees.items():
            stored = self.tiles.block_hash(first // BLOCK) if end - first == BLOCK else None
            if stored is not None and stored != mine:
                self.findings.add(
                    Finding(
                        check=Check.TILE_HASH,
                        said=f"the hash of block {first // BLOCK} is not that of its entries",
                        where=layout.tile_name(2, first // BLOCK // layout.TILE_WIDTH),
                        expected=stored.hex(),
                        found=mine.hex(),
                    )
                )
        self.check_upper_tiles()

    def check_upper_tiles(self) -> None:
        """Compare the root that the tiles lead to with the checkpoint's."""
        try:
            root = self.tiles.root()
        except Misread as misread:
            check = Check.TILE_MISSING if misread.reason == "missing" else Check.TILE_HASH
            self.findings.add(Finding(check=check, said=misread.detail, where="log/tile"))
            return
        if root is not None and self.top is not None and root != self.top.accepted.checkpoint.root:
            self.findings.add(
                Finding(
                    check=Check.TILE_HASH,
                    said="the tiles lead to another root than the checkpoint's",
                    where="log/tile",
                    expected=self.top.accepted.checkpoint.root.hex(),
                    found=root.hex(),
                )
            )
