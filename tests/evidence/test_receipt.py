import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.evidence.builders import (
    LOG,
    ORIGIN,
    OTHER_WITNESS,
    POLICY,
    STRANGER,
    WITNESS,
    sealed,
    submitted,
    trusted,
    witnessed,
)
from trading_runtime.errors import Misread
from trading_runtime.evidence import notes, policy, receipt
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.receipt import Receipt
from trading_runtime.records.merkle import inclusion_proof, leaf_hash, root_of

ENTRY = sealed()
LEAVES = [leaf_hash(b"%d" % number) for number in range(8)] + [leaf_hash(ENTRY)]
LEAVES += [leaf_hash(b"%d" % number) for number in range(9, 20)]
INDEX, SIZE = 8, 20
PROOF = inclusion_proof(INDEX, SIZE, lambda level, i: root_of(LEAVES[i << level : i + 1 << level]))
POINT = Checkpoint(ORIGIN, SIZE, root_of(LEAVES))
NOTE = witnessed(POINT, LOG, WITNESS, OTHER_WITNESS)
RECEIPT = Receipt(extra=receipt.extra_of(ENTRY), index=INDEX, proof=tuple(PROOF), note=NOTE)
TEXT = receipt.write(RECEIPT)
BELIEVED = policy.parse(POLICY)


def reason(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        receipt.verify_submission(receipt.read(data), submitted(), trusted(), BELIEVED)
    return caught.value.reason


def test_a_receipt_proves_what_was_submitted() -> None:
    proven = receipt.verify_submission(receipt.read(TEXT), submitted(), trusted(), BELIEVED)
    assert proven.entry == ENTRY
    assert proven.accepted.checkpoint == POINT
    assert receipt.verify(RECEIPT, ENTRY, trusted(), BELIEVED).quorum


def test_the_text_is_that_of_the_specification() -> None:
    lines = TEXT.decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    extra = json.loads(notes.decode_base64(lines[1].removeprefix("extra ")))
    assert sorted(extra) == ["boot", "previousHash", "producerId", "seq", "version"]
    assert lines[2] == "index 8"
    assert [notes.decode_base64(line) for line in lines[3 : 3 + len(PROOF)]] == PROOF
    assert lines[3 + len(PROOF)] == ""
    assert "\n".join(lines[4 + len(PROOF) :]).encode() == NOTE


def test_a_receipt_reads_as_it_was_written_with_and_without_extra() -> None:
    assert receipt.read(TEXT) == RECEIPT
    without = structs.replace(RECEIPT, extra=None)
    assert receipt.read(receipt.write(without)) == without
    assert receipt.verify(without, ENTRY, trusted(), BELIEVED)


def test_a_tree_of_one_needs_no_hashes() -> None:
    alone = Checkpoint(ORIGIN, 1, LEAVES[INDEX])
    note = witnessed(alone, LOG, WITNESS, OTHER_WITNESS)
    short = Receipt(extra=RECEIPT.extra, index=0, proof=(), note=note)
    assert receipt.read(receipt.write(short)) == short
    # The log's new key does not hold for so small a tree.
    assert reason(receipt.write(short)) == "log_key"


def test_the_receipt_of_another_submission_is_refused() -> None:
    for other in (submitted(seq=2), submitted(operation="cancel")):
        with pytest.raises(Misread) as caught:
            receipt.verify_submission(RECEIPT, other, trusted(), BELIEVED)
        assert caught.value.reason in ("receipt", "proof")
    without = structs.replace(RECEIPT, extra=None)
    assert reason(receipt.write(without)) == "receipt"


def test_extra_is_not_believed_but_proven() -> None:
    assert RECEIPT.extra is not None
    for extra in (
        structs.replace(RECEIPT.extra, version=2),
        structs.replace(RECEIPT.extra, previous_hash="cd" * 32),
    ):
        assert reason(receipt.write(structs.replace(RECEIPT, extra=extra))) == "proof"


def test_a_receipt_needs_the_quorum_and_the_log() -> None:
    def with_note(note: bytes) -> bytes:
        return receipt.write(structs.replace(RECEIPT, note=note))

    assert reason(with_note(witnessed(POINT, LOG, WITNESS))) == "quorum"
    assert reason(with_note(witnessed(POINT, LOG))) == "quorum"
    assert reason(with_note(witnessed(POINT, WITNESS, OTHER_WITNESS))) == "log_key"
    forged = witnessed(POINT, STRANGER, WITNESS, OTHER_WITNESS)
    assert reason(with_note(forged)) == "log_key"
    other = Checkpoint("other.example", SIZE, POINT.root)
    assert reason(with_note(witnessed(other, LOG, WITNESS, OTHER_WITNESS))) == "origin"


@pytest.mark.parametrize("index", [0, 7, 9, 19, 20, 2**40])
def test_another_index_is_refused(index: int) -> None:
    assert reason(receipt.write(structs.replace(RECEIPT, index=index))) == "proof"


def test_a_changed_proof_is_refused() -> None:
    for proof in (PROOF[1:], PROOF[:-1], [*PROOF, PROOF[0]], PROOF[::-1], []):
        assert reason(receipt.write(structs.replace(RECEIPT, proof=tuple(proof)))) == "proof"


def test_a_receipt_has_at_most_63_hashes() -> None:
    longest = structs.replace(RECEIPT, proof=(PROOF[0],) * 63)
    assert receipt.read(receipt.write(longest)) == longest
    with pytest.raises(Misread, match="64 hashes"):
        receipt.read(receipt.write(structs.replace(RECEIPT, proof=(PROOF[0],) * 64)))


@pytest.mark.parametrize("extra", [b"{}", b'{"boot":1}', b"x", b"[]", b'{ "boot":""}'])
def test_extra_has_its_members_and_no_others(extra: bytes) -> None:
    lines = TEXT.split(b"\n")
    lines[1] = b"extra " + notes.encode_base64(extra).encode()
    with pytest.raises(Misread):
        receipt.read(b"\n".join(lines))


FIRST = notes.encode_base64(PROOF[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("c2sp.org", " c2sp.org"),
        ("extra ", "extra  "),
        ("extra ", "Extra "),
        ("index 8", "index 08"),
        ("index 8", "index +8"),
        ("index 8", "index  8"),
        ("index 8", "index 8 "),
        ("index 8", "index -8"),
        ("index 8", "index"),
        ("index 8\n", ""),
        ("index 8", "index 8\nindex 8"),
        (FIRST, FIRST + "="),
        (FIRST, " " + FIRST),
        (FIRST, notes.encode_base64(PROOF[0][:31])),
        ("\n\n", "\n"),
        ("\n", "\r\n"),
    ],
)
def test_what_is_no_receipt_is_refused(old: str, new: str) -> None:
    text = TEXT.decode()
    assert old in text
    with pytest.raises(Misread):
        receipt.read(text.replace(old, new, 1 if new != "\r\n" else -1).encode())


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(Misread):
        receipt.read(data)
    with pytest.raises(Misread):
        receipt.read(b"c2sp.org/tlog-proof@v1\n" + data)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_proves_anything_else(place: int, change: int) -> None:
    place %= len(TEXT)
    other = TEXT[:place] + bytes([TEXT[place] ^ change]) + TEXT[place + 1 :]
    try:
        proven = receipt.verify_submission(receipt.read(other), submitted(), trusted(), BELIEVED)
    except Misread:
        return
    assert proven.entry == ENTRY
    assert proven.accepted.checkpoint == POINT
