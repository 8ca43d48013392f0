"""One tampering for each check of the verifier, which no other check notices before it.

Each function gives a log that was broken in one way, and what to verify it with. ``ALONE`` are
those that no other check notices at all.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.evidence.verify.building import (
    ORIGIN,
    PERIOD,
    START,
    Building,
    fill,
    key,
    put,
)
from trading_runtime.audit.index.opening import open_index
from trading_runtime.errors import Misread
from trading_runtime.evidence import (
    canonical,
    digest,
    entry,
    frames,
    layout,
    notes,
    submission,
    trust,
)
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.heads import Head, Manifest
from trading_runtime.evidence.index_row import row_of
from trading_runtime.evidence.submission import Chain, Deed
from trading_runtime.evidence.trust import LogKey
from trading_runtime.evidence.verify.archive import Archive
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.checks import ALL_CHECKS, Check
from trading_runtime.evidence.verify.hot import SqliteRows
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verify import verify
from trading_runtime.records.merkle import leaf_hash, root_of
from trading_runtime.store.objects.folder import Folder

DAY = "20261120T0"


@dataclass
class Case:
    """A broken log, and how it is looked at."""

    log: Building
    now: int = 0
    pin: str = ""
    checkpoints: tuple[tuple[str, bytes], ...] = ()
    archive: Archive | None = None
    columns: Callable[[bytes, int, Sequence[bytes]], None] | None = None
    index: bool = False
    changes: dict[str, object] = field(default_factory=dict)

    def look(self, checks: frozenset[Check] = ALL_CHECKS) -> Report:
        log = self.log
        evidence = Evidence(
            log=log.log,
            trust=log.audit / "trust",
            archive=self.archive or Folder(log.archive),
            columns=self.columns,
            index=SqliteRows(str(log.audit / "index.sqlite")) if self.index else None,
            pin=self.pin or log.pin,
            checkpoints=self.checkpoints,
        )
        return verify(evidence, Question(now=self.now or log.now + 60, checks=checks))


def filled(root: Path) -> Building:
    log = Building(root)
    fill(log)
    return log


def written(root: Path) -> Building:
    log = filled(root)
    log.write()
    return log


def other_pin(root: Path) -> Case:
    return Case(written(root), pin="0" * 64)


def spaced_trust(root: Path) -> Case:
    log = written(root)
    path = layout.trust_path(log.audit)
    spaced = b" " + path.read_bytes()
    path.write_bytes(spaced)
    return Case(log, pin=trust.pin(spaced))


def other_policy(root: Path) -> Case:
    log = written(root)
    put(layout.policy_path(log.audit), log.policy + b"# weaker\n")
    return Case(log)


def signed_checkpoint(log: Building, text: str) -> bytes:
    made = notes.sign_note(text, log.log_key)
    cosigned = notes.cosignature_of(text, log.witness_key, log.now)
    return notes.join(text, (*notes.split(made)[1], cosigned))


def plus_in_size(root: Path) -> Case:
    log = written(root)
    text = log.checkpoint().decode().partition("\n\n")[0] + "\n"
    log.write_checkpoint(signed_checkpoint(log, text.replace("\n15\n", "\n+15\n")))
    return Case(log)


def other_origin(root: Path) -> Case:
    log = written(root)
    other = Checkpoint("example.org/other", 15, log.tree_root(15))
    log.write_checkpoint(signed_checkpoint(log, other.text()))
    return Case(log)


def bad_signature_beside_a_good_one(root: Path) -> Case:
    log = written(root)
    text, signatures = notes.split(log.checkpoint())
    bad = msgspec.structs.replace(signatures[1], data=signatures[1].data[:-1] + b"\0")
    log.write_checkpoint(notes.join(text, (*signatures, bad)))
    return Case(log)


def retired_key(root: Path) -> Case:
    log = Building(root)
    old = LogKey(vkey=str(log.log_key.vkey), from_size=0, to_size=14)
    log.trust = msgspec.structs.replace(log.trust, log_keys=(old,))
    fill(log)
    log.write()
    return Case(log)


def split_view(root: Path) -> Case:
    log = written(root)
    other = Checkpoint(ORIGIN, 15, bytes(32))
    return Case(log, checkpoints=(("the witness", signed_checkpoint(log, other.text())),))


def old_checkpoint(root: Path) -> Case:
    log = written(root)
    log.write_checkpoint(log.checkpoint(6, log.now))
    return Case(log)


def flipped_crc(root: Path) -> Case:
    log = written(root)
    path = layout.frames_path(log.log, 0)
    data = bytearray(path.read_bytes())
    begin = data.index(log.entries[4])
    data[begin - 12] ^= 1
    path.write_bytes(data)
    return Case(log)


def misplaced_index(root: Path) -> Case:
    log = written(root)
    framed = [frames.frame(at if at != 4 else 40, it) for at, it in enumerate(log.entries)]
    put(layout.frames_path(log.log, 0), frames.header(0, ORIGIN) + b"".join(framed))
    return Case(log)


def say_anyhow(log: Building, old: bytes, new: bytes, deed: Deed) -> None:
    """Let producer and log take in what the format does not allow."""
    chain = log.chains["runtime"]
    unsigned = submission.write(deed, "runtime", chain.boot, chain.seq + 1, None)
    unsigned = unsigned.replace(old, new)
    chain.add(unsigned)
    made = log.producer_keys["runtime"].sign(chain.signed_text())
    submitted = entry.signed(unsigned, notes.encode_base64(made))
    entity_id = msgspec.json.decode(unsigned)["entityId"]
    log.entries.append(entry.seal(submitted, entry.genesis(ORIGIN, entity_id), 1))


def impossible_time(root: Path) -> Case:
    log = filled(root)
    say_anyhow(log, b"T03:", b"T73:", log.deed("order:9"))
    log.write()
    return Case(log)


def decomposed_entity(root: Path) -> Case:
    log = filled(root)
    say_anyhow(log, b"user:x", "user:e\u0301".encode(), log.deed("user:x"))
    log.write()
    return Case(log)


def seal_falsely(root: Path, entity_id: str, previous: str, version: int) -> Case:
    log = filled(root)
    submitted = log.submit("runtime", log.deed(entity_id), sign=True)
    log.entries.append(entry.seal(submitted, previous, version))
    log.write()
    return Case(log)


def other_genesis(root: Path) -> Case:
    return seal_falsely(root, "order:9", entry.genesis("example.org/other", "order:9"), 1)


def skipped_version(root: Path) -> Case:
    version, head = filled(root / "once").heads["order:1"]
    return seal_falsely(root, "order:1", head, version + 2)


def other_previous_hash(root: Path) -> Case:
    version, _ = filled(root / "once").heads["order:1"]
    return seal_falsely(root, "order:1", "0" * 64, version + 1)


def event_twice(root: Path) -> Case:
    log = filled(root)
    once = log.deed("order:7")
    log.say("runtime", once, msgspec.structs.replace(once, entity_id="order:8"))
    log.write()
    return Case(log)


def with_blob(root: Path) -> tuple[Building, Path]:
    log = filled(root)
    blob = canonical.encode({"orders": ["x" * 100]})
    log.blobs.append(blob)
    log.say("runtime", log.deed("order:7", request=submission.reference(blob)))
    log.write()
    return log, layout.blob_path(log.log, sha256(blob).hexdigest())


def other_blob(root: Path) -> Case:
    log, path = with_blob(root)
    path.write_bytes(path.read_bytes().replace(b"x", b"y"))
    return Case(log)


def no_blob(root: Path) -> Case:
    log, path = with_blob(root)
    path.unlink()
    return Case(log)


def blob_is_folder(root: Path) -> Case:
    log, path = with_blob(root)
    path.unlink()
    path.mkdir()
    return Case(log)


def swapped_entries(root: Path) -> Case:
    log = filled(root)
    log.say("log", log.deed(f"log:{ORIGIN}", "LogAlive"))
    log.say("runtime", log.deed("order:9"))
    note = log.checkpoint()
    log.entries[-2:] = log.entries[:-3:-1]
    log.write()
    log.write_checkpoint(note)
    return Case(log)


def flipped_tile(root: Path) -> Case:
    log = written(root)
    path = layout.tile_path(log.log, 0, 0, 15)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    return Case(log)


def no_tile(root: Path) -> Case:
    log = written(root)
    layout.tile_path(log.log, 0, 0, 15).unlink()
    return Case(log)


def unknown_producer(root: Path) -> Case:
    log = filled(root)
    log.producer_keys["ghost"] = key("ghost")
    log.start("ghost", DAY + "20000")
    log.write()
    return Case(log)


def repeated_sequence(root: Path) -> Case:
    log = filled(root)
    chain = log.chains["runtime"]
    place = chain.seq, chain.value
    log.say("runtime", log.deed("order:8"))
    log.chains["runtime"] = Chain("runtime", chain.boot, *place)
    log.say("runtime", log.deed("order:9"))
    log.write()
    return Case(log)


def forged_signature(root: Path) -> Case:
    log = filled(root)
    log.producer_keys["runtime"] = key("somebody-else")
    log.say("runtime", log.deed("order:9"))
    log.write()
    return Case(log)


def unsigned_end(root: Path) -> Case:
    log = filled(root)
    log.say("runtime", log.deed("order:9"), sign=False)
    log.write()
    return Case(log)


def other_boot_before(root: Path) -> Case:
    log = filled(root)
    chain = log.chains["runtime"]
    log.chains["runtime"] = Chain("runtime", chain.boot, chain.seq, bytes(32))
    log.start("runtime", DAY + "20000")
    log.write()
    return Case(log)


def boot_before_is_missing(root: Path) -> Case:
    log = filled(root)
    log.chains["runtime"] = Chain("runtime", DAY + "15000", 7, bytes(32))
    log.start("runtime", DAY + "20000")
    log.write()
    return Case(log)


def hole_in_sequence(root: Path) -> Case:
    log = filled(root)
    log.submit("runtime", log.deed("order:9"), sign=False)
    log.say("runtime", log.deed("order:8"))
    log.write()
    return Case(log)


def other_trust_declared(root: Path) -> Case:
    log = filled(root)
    log.say("log", log.deed(f"log:{ORIGIN}", "TrustDeclared", {"pin": "0" * 64}))
    log.write()
    return Case(log)


def put_digest(log: Building, number: int, note: bytes) -> None:
    for folder in (log.log, log.archive):
        put(folder / layout.digest_key(number), note)


def last_digest(log: Building) -> digest.Digest:
    return digest.open_digest(layout.digest_path(log.log, 3).read_bytes(), log.trust)


def change_digest(root: Path, **members: object) -> Case:
    """Sign the last digest anew with other members."""
    log = written(root)
    changed = msgspec.structs.replace(last_digest(log), **members)
    put_digest(log, 3, digest.sign(changed, log.digest_key))
    return Case(log)


def empty_digest(root: Path) -> Case:
    log = written(root)
    put_digest(log, 3, notes.sign_note("{}\n", log.digest_key))
    return Case(log)


def digest_of_another_key(root: Path) -> Case:
    log = written(root)
    forger = notes.SigningKey(f"{ORIGIN}/digest", notes.Kind.ED25519, bytes(32))
    put_digest(log, 3, digest.sign(last_digest(log), forger))
    return Case(log)


def digest_number(root: Path) -> Case:
    return change_digest(root, digest_no=4)


def two_digests(root: Path) -> Case:
    log = written(root)
    clock = digest.ClockQuality(source="ntp", synced=True, max_error_us=1)
    changed = msgspec.structs.replace(last_digest(log), clock=clock)
    put(log.archive / layout.digest_key(3), digest.sign(changed, log.digest_key))
    return Case(log)


def digest_link(root: Path) -> Case:
    return change_digest(root, previous_sha256=None)


def digest_period(root: Path) -> Case:
    return change_digest(root, period_start=submission.event_time(START * 10**9))


def digest_range(root: Path) -> Case:
    return change_digest(root, tree_size_from=3)


def digest_checkpoint(root: Path) -> Case:
    small = written(root / "once").checkpoint(6, START + 3 * PERIOD)
    return change_digest(root, checkpoint=small.decode())


def digest_root(root: Path) -> Case:
    return change_digest(root, root_hash="0" * 64)


def digest_content(root: Path) -> Case:
    return change_digest(root, alarms=1)


def heads_root(root: Path) -> Case:
    log = written(root / "once")
    heads = msgspec.structs.replace(last_digest(log).heads, root="0" * 64)
    return change_digest(root, heads=heads)


def forged_heads(root: Path) -> Case:
    log = written(root)
    manifest = Manifest.of([Head("order:99", 1, 1, 1, "0" * 64)])
    content = manifest.encode()
    heads = digest.Heads(
        key=layout.heads_key(3),
        sha256=sha256(content).hexdigest(),
        root=manifest.root().hex(),
        count=1,
    )
    changed = msgspec.structs.replace(last_digest(log), heads=heads)
    put_digest(log, 3, digest.sign(changed, log.digest_key))
    for folder in (log.log, log.archive):
        put(folder / layout.heads_key(3), content)
    return Case(log)


def no_heads(root: Path) -> Case:
    log = written(root)
    for folder in (log.log, log.archive):
        (folder / layout.heads_key(2)).unlink()
    return Case(log)


def no_digest(root: Path) -> Case:
    log = written(root)
    for folder in (log.log, log.archive):
        (folder / layout.digest_key(2)).unlink()
    return Case(log)


def object_path(log: Building) -> Path:
    return log.archive / layout.bundles_key(0, log.objects[0].size)


def packed_again(root: Path) -> Case:
    log = written(root)
    path = object_path(log)
    content = path.read_bytes()
    put(path, content[:9] + b"\x07" + content[10:])  # another system in the gzip header
    return Case(log)


def name_object(root: Path, content: bytes, name: str = "entries.bundles.gz") -> Case:
    """Let the last digest name an object of the first 11 entries that holds ``content``."""
    log = written(root)
    block = f"{layout.block_key(0, 11)}/{name}"
    put(log.archive / block, content)
    segment = digest.Segment(
        key=block,
        sha256=sha256(content).hexdigest(),
        bytes=len(content),
        first_index=0,
        count=11,
        root=root_of([leaf_hash(it) for it in log.entries[:11]]).hex(),
    )
    changed = msgspec.structs.replace(last_digest(log), segments=(segment,))
    put_digest(log, 3, digest.sign(changed, log.digest_key))
    return Case(log)


def other_entries_archived(root: Path) -> Case:
    log = filled(root / "once")
    log.entries[3] = log.entries[3].replace(b"0.001", b"0.002")
    return name_object(root, log.bundle(0, 11))


def second_gzip_member(root: Path) -> Case:
    log = filled(root / "once")
    return name_object(root, log.bundle(0, 11) + log.bundle(0, 1))


PARQUET = b"PAR1" + b"rows" + b"footer" + (6).to_bytes(4, "little") + b"PAR1"


def behind_parquet(root: Path) -> Case:
    return name_object(root, PARQUET + b"more", "entries.parquet")


def differs(_content: bytes, first: int, entries: Sequence[bytes]) -> None:
    raise Misread("column", f"entry {first + len(entries) - 1} has another event_type")


def other_columns(root: Path) -> Case:
    case = name_object(root, PARQUET, "entries.parquet")
    case.columns = differs
    return case


def no_object(root: Path) -> Case:
    log = written(root)
    object_path(log).unlink()
    return Case(log)


def stray_object(root: Path) -> Case:
    log = written(root)
    put(log.archive / "blocks/000000/notes.txt", b"x")
    return Case(log)


class Shown(NamedTuple):
    key: str
    size: int
    later: int


class Meddled(Folder):
    """A store with versions in which somebody deleted an object: its first version is there."""

    def list(self, prefix: str) -> Iterator[Shown]:  # type: ignore[override]
        for it in super().list(prefix):
            yield Shown(it.key, it.size, int(it.key.startswith("blocks/")))


def deleted_above(root: Path) -> Case:
    log = written(root)
    return Case(log, archive=Meddled(log.archive))


def indexed(root: Path) -> Case:
    log = written(root)
    index = open_index(log.audit, "", ORIGIN)
    rows = []
    for at, data in enumerate(log.entries):
        read = entry.read(data)
        rows.append(row_of(at, read, read.version, entry.current_hash(data), data.decode()))
    index.append(rows)
    index.settle()
    index.close()
    return Case(log, index=True)


def run_sql(log: Building, *statements: str) -> None:
    """Do as the database's owner, who can drop the triggers."""
    with closing(sqlite3.connect(log.audit / "index.sqlite")) as database:
        for name in ("update", "delete", "replace"):
            database.execute(f"DROP TRIGGER entries_{name}")
        for statement in statements:
            database.execute(statement)
        database.commit()


def edited_row(root: Path) -> Case:
    case = indexed(root)
    run_sql(case.log, "UPDATE entries SET event_type = 'OrderRejected' WHERE id = 4")
    return case


def missing_row(root: Path) -> Case:
    case = indexed(root)
    run_sql(case.log, "DELETE FROM entries WHERE id = 4")
    return case


def extra_row(root: Path) -> Case:
    case = indexed(root)
    run_sql(
        case.log,
        "INSERT INTO entries SELECT 15, 'e', 'order:77', 1, current_hash, event_time, event_type,"
        " service_name, user_id, canonical FROM entries WHERE id = 4",
    )
    return case


def no_policy(root: Path) -> Case:
    log = written(root)
    layout.policy_path(log.audit).unlink()
    return Case(log)


def cut_tail(root: Path) -> Case:
    log = written(root)
    framed = frames.frames(0, log.entries[:13])
    put(layout.frames_path(log.log, 0), frames.header(0, ORIGIN) + framed)
    return Case(log)


def stripped_cosignature(root: Path) -> Case:
    log = written(root)
    text, signatures = notes.split(log.checkpoint())
    log.write_checkpoint(notes.join(text, signatures[:1]))
    return Case(log)


def old_cosignature(root: Path) -> Case:
    log = written(root)
    return Case(log, now=log.now + PERIOD + 1)


def silent_digests(root: Path) -> Case:
    log = written(root)
    now = START + 4 * PERIOD + PERIOD // 4 + 1
    log.write_checkpoint(log.checkpoint(time_s=now))
    return Case(log, now=now)


ATTACKS: dict[Check, Callable[[Path], Case]] = {
    Check.PIN: other_pin,
    Check.TRUST_FORM: spaced_trust,
    Check.POLICY_HASH: other_policy,
    Check.CHECKPOINT_FORM: plus_in_size,
    Check.CHECKPOINT_ORIGIN: other_origin,
    Check.CHECKPOINT_SIGNATURE: bad_signature_beside_a_good_one,
    Check.CHECKPOINT_KEY: retired_key,
    Check.CHECKPOINT_CONSISTENCY: split_view,
    Check.ROLLBACK: old_checkpoint,
    Check.FRAME_DAMAGE: flipped_crc,
    Check.FRAME_INDEX: misplaced_index,
    Check.ENTRY_FORM: impossible_time,
    Check.ENTITY_ID: decomposed_entity,
    Check.GENESIS: other_genesis,
    Check.VERSION: skipped_version,
    Check.PREVIOUS_HASH: other_previous_hash,
    Check.EVENT_ID: event_twice,
    Check.BLOB_HASH: other_blob,
    Check.TREE_ROOT: swapped_entries,
    Check.TILE_HASH: flipped_tile,
    Check.PRODUCER_KEY: unknown_producer,
    Check.PRODUCER_ORDER: repeated_sequence,
    Check.PRODUCER_SIGNATURE: forged_signature,
    Check.PRODUCER_UNSIGNED: unsigned_end,
    Check.PRODUCER_BOOTS: other_boot_before,
    Check.TRUST_DECLARED: other_trust_declared,
    Check.DIGEST_FORM: empty_digest,
    Check.DIGEST_SIGNATURE: digest_of_another_key,
    Check.DIGEST_NUMBER: digest_number,
    Check.DIGEST_TWICE: two_digests,
    Check.DIGEST_LINK: digest_link,
    Check.DIGEST_PERIOD: digest_period,
    Check.DIGEST_RANGE: digest_range,
    Check.DIGEST_CHECKPOINT: digest_checkpoint,
    Check.DIGEST_ROOT: digest_root,
    Check.DIGEST_CONTENT: digest_content,
    Check.HEADS_FORM: heads_root,
    Check.HEADS_LINES: forged_heads,
    Check.SEGMENT_HASH: packed_again,
    Check.SEGMENT_ENTRIES: other_entries_archived,
    Check.GZIP_MEMBER: second_gzip_member,
    Check.PARQUET_END: behind_parquet,
    Check.PARQUET_COLUMNS: other_columns,
    Check.ARCHIVE_UNKNOWN: stray_object,
    Check.ARCHIVE_LATER: deleted_above,
    Check.INDEX_ROW: edited_row,
    Check.INDEX_EXTRA: extra_row,
    Check.UNREADABLE: blob_is_folder,
    Check.TRUST_MISSING: no_policy,
    Check.ENTRIES_MISSING: cut_tail,
    Check.BLOB_MISSING: no_blob,
    Check.TILE_MISSING: no_tile,
    Check.PRODUCER_GAP: hole_in_sequence,
    Check.PRODUCER_BOOT_MISSING: boot_before_is_missing,
    Check.DIGEST_MISSING: no_digest,
    Check.HEADS_MISSING: no_heads,
    Check.SEGMENT_MISSING: no_object,
    Check.INDEX_MISSING: missing_row,
    Check.QUORUM: stripped_cosignature,
    Check.COSIGNATURE_AGE: old_cosignature,
    Check.DIGEST_DUE: silent_digests,
}
NOT_ALONE = frozenset(
    {
        Check.CHECKPOINT_FORM,  # then there is no checkpoint: stale too
        Check.CHECKPOINT_ORIGIN,
        Check.CHECKPOINT_SIGNATURE,
        Check.CHECKPOINT_KEY,
        Check.TREE_ROOT,  # the tiles were made anew, and lead to the other root too
    }
)
