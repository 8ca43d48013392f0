import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence.builders import DIGESTS, LOG, ORIGIN, STRANGER, WITNESS
from trading_runtime.errors import Misread
from trading_runtime.evidence import notes
from trading_runtime.evidence.notes import Kind, Signature, SigningKey, Vkey

TEXT = "log.example/tapedeck\n3\nYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n"
KEYS = (LOG.vkey, WITNESS.vkey)
GOOD = notes.signature_of(TEXT, LOG)
COSIGNED = notes.cosignature_of(TEXT, WITNESS, 1_767_225_600)
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""  # noqa: E501 -- a signature line
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def reason(data: bytes, *keys: Vkey) -> str:
    with pytest.raises(Misread) as caught:
        notes.open_note(data, keys or KEYS)
    return caught.value.reason


def broken(signature: Signature, place: int = 10) -> Signature:
    data = signature.data
    flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    return Signature(signature.name, signature.key_id, flipped)


def test_keys_of_others_read_and_write_as_they_stand(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "vectors" / "key_ids.json").read_text())
    for text in vectors["vkeys_ok"]:
        assert str(Vkey.parse(text)) == text
    for text in vectors["vkeys_bad"]:
        with pytest.raises(Misread):
            Vkey.parse(text)
    private = load_pem_private_key(vectors["ed25519_pkcs8_pem"].split(" (")[0].encode(), None)
    assert isinstance(private, Ed25519PrivateKey)
    key = SigningKey(vectors["name"], Kind.ED25519, private.private_bytes_raw())
    assert int.from_bytes(key.vkey.key_id, "big") == vectors["key_id_uint32"]


def test_the_example_of_the_specification_opens() -> None:
    note = notes.open_note(EXAMPLE.encode(), [Vkey.parse(EXAMPLE_KEY)])
    assert note.text == "This is an example message.\n"
    assert [key.name for key in note.by] == ["example.com/foo"]


def test_one_public_key_has_another_id_for_each_name_and_kind() -> None:
    same = SigningKey("other", Kind.ED25519, b"L" * 32).vkey
    cosigner = SigningKey(ORIGIN, Kind.COSIGNATURE, b"L" * 32).vkey
    assert same.key == cosigner.key == LOG.vkey.key
    assert len({same.key_id, cosigner.key_id, LOG.vkey.key_id}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+530d903a",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("+530d903a", "+0530d903a"),
        EXAMPLE_KEY.replace("example.com/foo", "example.com/bar"),
        EXAMPLE_KEY.replace("example.com/foo", "example.com foo"),
        EXAMPLE_KEY.replace("example.com/foo", ""),
        EXAMPLE_KEY + "\n",
        EXAMPLE_KEY + "=",
        EXAMPLE_KEY[:-1],
        "n+530d903a+" + base64.b64encode(b"\x06" + bytes(1312)).decode(),
    ],
)
def test_what_is_no_vkey_is_refused(text: str) -> None:
    with pytest.raises(Misread):
        Vkey.parse(text)


@pytest.mark.parametrize("key", [LOG, WITNESS, DIGESTS, SigningKey.generate("new")])
def test_a_key_file_gives_the_same_key_again(key: SigningKey) -> None:
    again = SigningKey.parse(key.text())
    assert again.vkey == key.vkey
    assert again.sign(b"text") == key.sign(b"text")
    assert key.text().endswith("\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        LOG.text().replace("PRIVATE", "PUBLIC"),
        LOG.text().replace(LOG.vkey.key_id.hex(), "00000000"),
        LOG.text().replace(ORIGIN, "other"),
        LOG.text()[:-6],
        str(LOG.vkey),
        "PRIVATE+KEY+a+00000000+!",
        "PRIVATE+KEY+a+00000000+" + base64.b64encode(b"\x06" + bytes(32)).decode(),
        "PRIVATE+KEY+a+00000000+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
    ],
)
def test_a_wrong_key_file_is_refused_without_its_secret(text: str) -> None:
    with pytest.raises(Misread) as caught:
        SigningKey.parse(text)
    assert LOG.text()[-50:-1] not in str(caught.value)


def test_no_key_has_a_name_that_could_not_stand_in_a_note() -> None:
    for name in ("", "a b", "a+b", "a\nb", "a\u2028b", "a\x01b"):
        with pytest.raises(Misread, match="key"):
            SigningKey(name, Kind.ED25519, bytes(32))
    with pytest.raises(Misread, match="key"):
        SigningKey("name", Kind.ED25519, bytes(31))


def test_what_known_keys_signed_is_told_and_nothing_else() -> None:
    stranger = notes.signature_of(TEXT, STRANGER)
    data = notes.join(TEXT, [stranger, GOOD, COSIGNED])
    note = notes.open_note(data, KEYS)
    assert note.text == TEXT
    assert note.signatures == (GOOD, COSIGNED)
    assert note.by == KEYS
    assert note.signatures[1].time == 1_767_225_600
    assert notes.split(data) == (TEXT, (stranger, GOOD, COSIGNED))


def test_a_bad_signature_of_a_known_key_spoils_the_good_ones() -> None:
    assert reason(notes.join(TEXT, [GOOD, broken(GOOD)])) == "signature"
    assert reason(notes.join(TEXT, [broken(GOOD), GOOD])) == "signature"
    assert reason(notes.join(TEXT, [GOOD, broken(COSIGNED)])) == "signature"


def test_a_changed_text_is_refused() -> None:
    assert reason(notes.join(TEXT.replace("3", "4"), [GOOD])) == "signature"


def test_a_changed_time_of_a_cosignature_is_refused() -> None:
    for place in range(8):
        assert reason(notes.join(TEXT, [broken(COSIGNED, place)])) == "signature"


@pytest.mark.parametrize("bytes_more", [-64, -1, 1, 8])
def test_a_signature_of_another_length_is_refused(bytes_more: int) -> None:
    for signature in (GOOD, COSIGNED):
        data = (signature.data + bytes(8))[: len(signature.data) + bytes_more]
        if data:
            wrong = Signature(signature.name, signature.key_id, data)
            assert reason(notes.join(TEXT, [wrong])) == "signature"


def test_a_signature_of_one_kind_does_not_pass_for_the_other() -> None:
    witness_as_log = Signature(WITNESS.vkey.name, WITNESS.vkey.key_id, GOOD.data)
    assert reason(notes.join(TEXT, [witness_as_log])) == "signature"
    plain = SigningKey(WITNESS.vkey.name, Kind.ED25519, b"W" * 32)
    cosigner_only = notes.join(TEXT, [notes.signature_of(TEXT, plain)])
    assert reason(cosigner_only) == "unsigned"
    with pytest.raises(Misread, match="key"):
        notes.signature_of(TEXT, WITNESS)
    with pytest.raises(Misread, match="key"):
        notes.cosignature_of(TEXT, LOG, 1)


def test_another_key_under_the_same_name_is_not_believed() -> None:
    assert reason(notes.sign_note(TEXT, STRANGER)) == "unsigned"
    forged = Signature(ORIGIN, LOG.vkey.key_id, STRANGER.sign(TEXT.encode()))
    assert reason(notes.join(TEXT, [forged])) == "signature"


def test_a_key_id_under_another_name_is_not_believed() -> None:
    assert reason(notes.join(TEXT, [Signature("other", LOG.vkey.key_id, GOOD.data)])) == "unsigned"


def test_a_note_has_at_most_a_hundred_signatures() -> None:
    strangers = [Signature(f"n{number}", b"abcd", b"x") for number in range(99)]
    notes.open_note(notes.join(TEXT, [*strangers, GOOD]), KEYS)
    assert reason(notes.join(TEXT, [*strangers, GOOD, GOOD])) == "note"


SIGNED = notes.sign_note(TEXT, LOG).decode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "note"),
        (TEXT, "note"),
        (TEXT + "\n", "note"),
        (SIGNED[:-1], "note"),
        (SIGNED + "\n", "note"),
        (SIGNED + " ", "note"),
        (SIGNED + "x\n", "note"),
        (SIGNED.replace("\n\n", "\n"), "note"),
        (SIGNED.replace("\n", "\r\n"), "note"),
        (SIGNED.replace("3", "\t3", 1), "note"),
        (SIGNED.replace("3", "\x00", 1), "note"),
        (SIGNED.replace("— ", "- "), "note"),
        (SIGNED.replace("— ", "—  "), "note"),
        (SIGNED.replace("— ", "—"), "note"),
        (SIGNED.replace("=\n\n", "=\n\n— only-a-name\n"), "note"),
        (SIGNED.replace("=\n\n", "=\n\n— a b= c=\n"), "base64"),
        (SIGNED.replace("=\n\n", "=\n\n— a+b YWJjZGU=\n"), "note"),
        (SIGNED.replace("=\n\n", "=\n\n— name YWJjZA==\n"), "note"),
        (SIGNED.replace("=\n\n", "=\n\n— name YWJjZGV=\n"), "base64"),
        (SIGNED.replace("=\n\n", "=\n\n— name YWJjZGU\n"), "base64"),
        (SIGNED.replace("=\n\n", "=\n\n— name YWJj-ZGU=\n"), "base64"),
        (SIGNED.replace("=\n\n", "=\n\n— name é\n"), "base64"),
        ("x" * 1_000_001, "note"),
    ],
)
def test_what_is_no_note_is_refused(data: str, why: str) -> None:
    assert reason(data.encode()) == why


def test_a_text_that_is_no_utf_8_is_refused() -> None:
    assert reason(SIGNED.encode().replace(b"3", b"\xff")) == "note"


def test_a_note_has_at_most_a_million_bytes() -> None:
    room = notes.NOTE_BYTES_MAX - len(notes.sign_note("\n", LOG))
    assert notes.open_note(notes.sign_note("x" * room + "\n", LOG), KEYS)
    assert reason(notes.sign_note("x" * (room + 1) + "\n", LOG)) == "note"


def test_the_text_ends_at_the_last_empty_line() -> None:
    text = f"{TEXT}\n{GOOD.line()}"
    note = notes.open_note(notes.sign_note(text, LOG), KEYS)
    assert note.text == text


def test_bare_signature_lines_are_read() -> None:
    lines = (GOOD.line() + COSIGNED.line()).encode()
    assert notes.parse_signatures(lines) == (GOOD, COSIGNED)
    for wrong in (b"", b"\n", lines[:-1], b"\n" + lines, lines + b"\n"):
        with pytest.raises(Misread):
            notes.parse_signatures(wrong)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_passes(place: int, change: int) -> None:
    data = notes.join(TEXT, [GOOD, COSIGNED])
    place %= len(data)
    other = data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]
    try:
        note = notes.open_note(other, KEYS)
    except Misread:
        return
    # One of the two signature lines became a stranger's; the other still holds.
    assert note.text == TEXT
    assert len(note.by) == 1


@given(st.binary(max_size=100))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(Misread):
        notes.open_note(data, KEYS)
