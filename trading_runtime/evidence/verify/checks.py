"""Every rule of the audit record's format that is checked, by name, in one list.

A finding of the verifier names one of these; nothing else can fail. Each has a verdict that it
fails, a family (the word for it in reports of other verifiers) and one line on what it holds.
``docs/record-format.md`` has the same list as a table, and a test compares the two.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple


class Verdict(Enum):
    """What can fail, in the order in which it decides the exit status."""

    INTEGRITY = "integrity"
    COMPLETENESS = "completeness"
    FRESHNESS = "freshness"


class Check(Enum):
    """The checks, in the order in which two findings at one place are told."""

    PIN = "pin"
    TRUST_FORM = "trust-form"
    POLICY_HASH = "policy-hash"
    CHECKPOINT_FORM = "checkpoint-form"
    CHECKPOINT_ORIGIN = "checkpoint-origin"
    CHECKPOINT_SIGNATURE = "checkpoint-signature"
    CHECKPOINT_KEY = "checkpoint-key"
    CHECKPOINT_CONSISTENCY = "checkpoint-consistency"
    ROLLBACK = "rollback"
    FRAME_DAMAGE = "frame-damage"
    FRAME_INDEX = "frame-index"
    ENTRY_FORM = "entry-form"
    ENTITY_ID = "entity-id"
    GENESIS = "genesis"
    VERSION = "version"
    PREVIOUS_HASH = "previous-hash"
    EVENT_ID = "event-id"
    BLOB_HASH = "blob-hash"
    TREE_ROOT = "tree-root"
    TILE_HASH = "tile-hash"
    PRODUCER_KEY = "producer-key"
    PRODUCER_ORDER = "producer-order"
    PRODUCER_SIGNATURE = "producer-signature"
    PRODUCER_UNSIGNED = "producer-unsigned"
    PRODUCER_BOOTS = "producer-boots"
    TRUST_DECLARED = "trust-declared"
    DIGEST_FORM = "digest-form"
    DIGEST_SIGNATURE = "digest-signature"
    DIGEST_NUMBER = "digest-number"
    DIGEST_TWICE = "digest-twice"
    DIGEST_LINK = "digest-link"
    DIGEST_PERIOD = "digest-period"
    DIGEST_RANGE = "digest-range"
    DIGEST_CHECKPOINT = "digest-checkpoint"
    DIGEST_ROOT = "digest-root"
    DIGEST_CONTENT = "digest-content"
    HEADS_FORM = "heads-form"
    HEADS_LINES = "heads-lines"
    HEADS_CHAIN = "heads-chain"
    SEGMENT_HASH = "segment-hash"
    SEGMENT_ENTRIES = "segment-entries"
    GZIP_MEMBER = "gzip-member"
    PARQUET_END = "parquet-end"
    PARQUET_COLUMNS = "parquet-columns"
    ARCHIVE_UNKNOWN = "archive-unknown"
    ARCHIVE_LATER = "archive-later"
    INDEX_ROW = "index-row"
    INDEX_EXTRA = "index-extra"
    RECEIPT = "receipt"
    UNREADABLE = "unreadable"
    TRUST_MISSING = "trust-missing"
    ENTRIES_MISSING = "entries-missing"
    BLOB_MISSING = "blob-missing"
    TILE_MISSING = "tile-missing"
    PRODUCER_GAP = "producer-gap"
    PRODUCER_BOOT_MISSING = "producer-boot-missing"
    DIGEST_MISSING = "digest-missing"
    HEADS_MISSING = "heads-missing"
    SEGMENT_MISSING = "segment-missing"
    INDEX_MISSING = "index-missing"
    QUORUM = "quorum"
    COSIGNATURE_AGE = "cosignature-age"
    DIGEST_DUE = "digest-due"


class Rule(NamedTuple):
    """What stands behind a check."""

    verdict: Verdict
    family: str
    holds: str


_I, _C, _F = Verdict.INTEGRITY, Verdict.COMPLETENESS, Verdict.FRESHNESS

RULES: Mapping[Check, Rule] = MappingProxyType(
    {
        Check.PIN: Rule(_I, "pin", "the SHA-256 of trust.json is the pin that was given"),
        Check.TRUST_FORM: Rule(_I, "trust", "trust.json and policy are what the format says"),
        Check.POLICY_HASH: Rule(_I, "policy", "the policy is the one that trust.json names"),
        Check.CHECKPOINT_FORM: Rule(
            _I, "checkpoint", "each checkpoint is a note of three lines in their strict form"
        ),
        Check.CHECKPOINT_ORIGIN: Rule(_I, "checkpoint", "each checkpoint is of this log's origin"),
        Check.CHECKPOINT_SIGNATURE: Rule(
            _I,
            "checkpoint",
            "a declared log key signed each checkpoint, and no known key signed it badly",
        ),
        Check.CHECKPOINT_KEY: Rule(
            _I, "checkpoint", "that key is declared for the checkpoint's size"
        ),
        Check.CHECKPOINT_CONSISTENCY: Rule(
            _I, "checkpoint", "all checkpoints found are of one tree: the one over the entries"
        ),
        Check.ROLLBACK: Rule(
            _I, "rollback", "the published checkpoint is not smaller than one inside a digest"
        ),
        Check.FRAME_DAMAGE: Rule(
            _I, "frames", "frames have their header, length and CRC, but for a torn last one"
        ),
        Check.FRAME_INDEX: Rule(_I, "frames", "each frame carries the index of its place"),
        Check.ENTRY_FORM: Rule(
            _I, "entry", "an entry is canonical, has exactly its members, and each in its form"
        ),
        Check.ENTITY_ID: Rule(
            _I, "entry", "an entity id is 1 to 256 characters in normal form C, no control"
        ),
        Check.GENESIS: Rule(_I, "chain", "version 1 follows the genesis of its entity and log"),
        Check.VERSION: Rule(
            _I, "chain", "the versions of an entity are 1, 2, 3, … without a hole or a second one"
        ),
        Check.PREVIOUS_HASH: Rule(
            _I, "chain", "previousHash is the currentHash of the version before"
        ),
        Check.EVENT_ID: Rule(_I, "event-id", "no eventId stands twice"),
        Check.BLOB_HASH: Rule(_I, "blob", "a blob has the hash and length that its entry names"),
        Check.TILE_HASH: Rule(_I, "tile", "the tiles hold the hashes of the entries"),
        Check.TREE_ROOT: Rule(_I, "root", "the entries' root is that of the newest checkpoint"),
        Check.PRODUCER_KEY: Rule(_I, "producer-key", "trust.json has a key for each boot"),
        Check.PRODUCER_ORDER: Rule(
            _I, "producer-sequence", "no seq of a boot comes twice or goes back"
        ),
        Check.PRODUCER_SIGNATURE: Rule(
            _I, "producer-signature", "each signature is its producer's over the chain so far"
        ),
        Check.PRODUCER_UNSIGNED: Rule(
            _I, "producer-signature", "a signature or the next boot covers each witnessed entry"
        ),
        Check.PRODUCER_BOOTS: Rule(
            _I, "producer-restart", "a boot begins with its start and names the boot before truly"
        ),
        Check.TRUST_DECLARED: Rule(
            _I, "trust-declared", "the log's last TrustDeclared names the trust.json in use"
        ),
        Check.DIGEST_FORM: Rule(_I, "digest", "a digest is one canonical line with its members"),
        Check.DIGEST_SIGNATURE: Rule(
            _I, "digest", "a digest key that is declared for its number signed each digest"
        ),
        Check.DIGEST_NUMBER: Rule(
            _I, "digest-number", "a digest stands under the number that it carries"
        ),
        Check.DIGEST_TWICE: Rule(_I, "digest-number", "a digest is the same wherever it is kept"),
        Check.DIGEST_LINK: Rule(
            _I,
            "digest-chain",
            "a digest carries the hash of the one before; the first carries none",
        ),
        Check.DIGEST_PERIOD: Rule(_I, "digest-chain", "a digest's period is that of its number"),
        Check.DIGEST_RANGE: Rule(
            _I, "digest-chain", "a digest's entries begin where those of the one before end"
        ),
        Check.DIGEST_CHECKPOINT: Rule(
            _I, "digest-tree", "a digest's checkpoint covers its entries and is the log's own"
        ),
        Check.DIGEST_ROOT: Rule(_I, "digest-tree", "a digest's root is that of the tree then"),
        Check.DIGEST_CONTENT: Rule(
            _I, "digest-producers", "its producers, event times and alarms are those of its entries"
        ),
        Check.HEADS_FORM: Rule(
            _I, "heads", "a heads file has the digest's hash, root and count, and sorted lines"
        ),
        Check.HEADS_LINES: Rule(
            _I, "heads", "the heads of a period are those of the entities that it touched"
        ),
        Check.HEADS_CHAIN: Rule(
            _I, "heads", "an entity's lines over all digests continue one another"
        ),
        Check.SEGMENT_HASH: Rule(
            _I, "archive", "an archived object has the digest's hash and size"
        ),
        Check.SEGMENT_ENTRIES: Rule(_I, "archive", "it holds the entries that the tree has there"),
        Check.GZIP_MEMBER: Rule(
            _I, "archive", "a bundle object is one gzip member, nothing behind"
        ),
        Check.PARQUET_END: Rule(_I, "archive", "a Parquet object ends with its footer"),
        Check.PARQUET_COLUMNS: Rule(
            _I, "archive", "every Parquet column says what the canonical bytes beside it say"
        ),
        Check.ARCHIVE_UNKNOWN: Rule(
            _I, "unnamed", "no object in the archive but what a digest names or the next one will"
        ),
        Check.ARCHIVE_LATER: Rule(_I, "archive", "no object was deleted or written over since"),
        Check.INDEX_ROW: Rule(_I, "index", "a row of the index says what its entry says"),
        Check.INDEX_EXTRA: Rule(_I, "index", "the index has no row without an entry"),
        Check.RECEIPT: Rule(_I, "receipt", "the receipt's proof holds for the entry in the log"),
        Check.UNREADABLE: Rule(_C, "entries", "what is there can be read"),
        Check.TRUST_MISSING: Rule(_C, "trust", "trust.json and policy are there"),
        Check.ENTRIES_MISSING: Rule(
            _C, "entries", "each entry that a checkpoint or digest counts is held"
        ),
        Check.BLOB_MISSING: Rule(_C, "blob", "each blob that an entry names is held"),
        Check.TILE_MISSING: Rule(
            _C, "tile", "each tile that the checkpoint's size asks for is held"
        ),
        Check.PRODUCER_GAP: Rule(_C, "producer-sequence", "the seq of a boot has no hole"),
        Check.PRODUCER_BOOT_MISSING: Rule(
            _C, "producer-restart", "the boot that a boot names before it is held to its end"
        ),
        Check.DIGEST_MISSING: Rule(
            _C, "digest-number", "the log holds each digest up to the newest that anybody holds"
        ),
        Check.HEADS_MISSING: Rule(_C, "heads", "each digest's heads are held"),
        Check.SEGMENT_MISSING: Rule(_C, "archive", "each object that a digest names is held"),
        Check.INDEX_MISSING: Rule(_C, "index", "the index has a row for each witnessed entry"),
        Check.QUORUM: Rule(
            _F, "witness", "the newest checkpoint is there and cosigned as the policy asks"
        ),
        Check.COSIGNATURE_AGE: Rule(_F, "witness", "its newest cosignature is not too old"),
        Check.DIGEST_DUE: Rule(
            _F, "digest-due", "each period that ended a quarter period ago has its digest"
        ),
    }
)
ALL_CHECKS = frozenset(Check)


def table() -> str:
    """Give the table of ``docs/record-format.md``."""
    lines = ["| check | verdict | holds |", "| --- | --- | --- |"]
    lines += [f"| `{it.value}` | {RULES[it].verdict.value} | {RULES[it].holds} |" for it in Check]
    return "\n".join(lines)
