import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence.builders import LOG, ORIGIN, OTHER_WITNESS, WITNESS, witnessed
from trading_runtime.errors import Misread
from trading_runtime.evidence import checkpoint, notes
from trading_runtime.evidence.checkpoint import SIZE_MAX, Checkpoint
from trading_runtime.evidence.notes import Vkey

ROOT = bytes(range(32))
CODED = notes.encode_base64(ROOT)
POINT = Checkpoint(ORIGIN, 12, ROOT)


def reason(text: str) -> str:
    with pytest.raises(Misread) as caught:
        checkpoint.parse_text(text)
    return caught.value.reason


def test_texts_that_others_refuse_are_refused_and_those_they_accept_need_a_root_of_32_bytes(
    shared_data: Path,
) -> None:
    vectors = json.loads((shared_data / "vectors" / "checkpoint_parse.json").read_text())
    for text in vectors["reject"]:
        assert reason(text) in ("checkpoint", "base64")
        assert reason(text.replace("dGhl", CODED)) in ("checkpoint", "base64")
    for text in vectors["accept"]:
        assert reason(text) == "checkpoint"
        origin, size, _, _ = text.split("\n")
        whole = f"{origin}\n{size}\n{CODED}\n"
        assert checkpoint.parse_text(whole) == Checkpoint(origin, int(size), ROOT)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
    st.integers(0, SIZE_MAX),
    st.binary(min_size=32, max_size=32),
)
def test_a_checkpoint_reads_as_it_was_written(origin: str, size: int, root: bytes) -> None:
    point = Checkpoint(origin, size, root)
    assert checkpoint.parse_text(point.text()) == point


@pytest.mark.parametrize(
    "size",
    [
        *("", "-1", "+1", "01", "00", "1_0", " 1", "1 ", "1.0", "1e3", "0x1", "\u0661", "\u00b2"),
        *(str(SIZE_MAX + 1), "9" * 19, "9" * 5000, "1\r"),
    ],
)
def test_a_size_is_written_in_one_way(size: str) -> None:
    assert reason(f"{ORIGIN}\n{size}\n{CODED}\n") == "checkpoint"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n1\n{CODED}",
        f"{ORIGIN}\n1\n{CODED}\nextension\n",
        f"{ORIGIN}\n1\n{CODED}\n\n",
        f"\n{ORIGIN}\n1\n{CODED}\n",
        f"\n1\n{CODED}\n",
        f"a\tb\n1\n{CODED}\n",
        f"{ORIGIN}\n1\n{CODED} \n",
        f"{ORIGIN}\n1\n{CODED[:-1]}\n",
        f"{ORIGIN}\n1\n{CODED[:-2]}9=\n",
        f"{ORIGIN}\n1\n{CODED}{CODED}\n",
        f"{ORIGIN}\n1\n{notes.encode_base64(ROOT[:31])}\n",
        f"{ORIGIN}\n1\n{notes.encode_base64(ROOT + b'a')}\n",
        f"{ORIGIN}\n1\n\n",
        f"{ORIGIN}\r\n1\r\n{CODED}\r\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    assert reason(text) in ("checkpoint", "base64")


def test_a_witness_signs_text_and_time() -> None:
    signature = checkpoint.cosign(POINT.text(), WITNESS, 1_700_000_000)
    text = POINT.text()
    assert checkpoint.verify_cosignature(text, signature, WITNESS.vkey) == 1_700_000_000
    signed = f"cosignature/v1\ntime 1700000000\n{text}".encode()
    assert WITNESS.vkey.verifies(signature.data[8:], signed)
    assert signature.data[:8] == (1_700_000_000).to_bytes(8, "big")


def test_a_cosignature_of_another_key_or_text_is_refused() -> None:
    signature = checkpoint.cosign(POINT.text(), WITNESS, 1_700_000_000)
    other = Checkpoint(ORIGIN, 13, ROOT).text()
    for text, key in ((other, WITNESS), (POINT.text(), OTHER_WITNESS), (POINT.text(), LOG)):
        with pytest.raises(Misread, match="signature"):
            checkpoint.verify_cosignature(text, signature, key.vkey)
    renamed = Vkey("another.name", WITNESS.vkey.kind, WITNESS.vkey.key)
    with pytest.raises(Misread, match="is not another"):
        checkpoint.verify_cosignature(POINT.text(), signature, renamed)
    plain = notes.signature_of(POINT.text(), LOG)
    with pytest.raises(Misread, match="no witness's key"):
        checkpoint.verify_cosignature(POINT.text(), plain, LOG.vkey)


def test_a_time_beyond_what_a_cosignature_holds_is_refused() -> None:
    signature = checkpoint.cosign(POINT.text(), WITNESS, 2**63)
    with pytest.raises(Misread, match="signature"):
        checkpoint.verify_cosignature(POINT.text(), signature, WITNESS.vkey)


def test_no_witness_signs_what_is_no_checkpoint() -> None:
    with pytest.raises(Misread, match="checkpoint"):
        checkpoint.cosign("a text\n", WITNESS, 1)


def test_a_note_is_read_without_believing_it() -> None:
    data = witnessed(POINT, LOG, WITNESS)
    point, signatures = checkpoint.unverified(data)
    assert point == POINT
    assert [signature.name for signature in signatures] == [ORIGIN, WITNESS.vkey.name]
    assert checkpoint.sign(POINT, LOG) == witnessed(POINT, LOG)
