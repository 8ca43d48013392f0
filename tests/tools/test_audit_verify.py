"""The second verifier against published vectors, and logs that its document allows or forbids."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.attacks.forging import (
    COSIGNER,
    START,
    Forgery,
    Made,
    Making,
    Signer,
    bundle,
    make_log,
)
from tools import audit_verify
from tools.audit_verify import Key, Report, Wrong

PROGRAM = Path(audit_verify.__file__)


def verified(made: Made, **changes: object) -> Report:
    forgery = made.forgery
    asked: dict[str, object] = {
        "folder": forgery.folder,
        "archive": forgery.archive,
        "trust": None,
        "pin": made.pin,
        "checkpoints": [],
        "receipts": [],
        "entity": None,
        "now": made.now,
    }
    return audit_verify.Verification(audit_verify.Options(**asked | changes)).run()


def outcome(report: Report) -> tuple[int, str | None, int | None]:
    first = report.first()
    return report.exit_status(), first and first.check, first and first.index


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_log(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def log(tmp_path: Path) -> Made:
    return make_log(tmp_path)


def test_a_whole_log_verifies(whole: Made) -> None:
    report = verified(whole)
    assert outcome(report) == (0, None, None)
    assert report.facts["size"] == len(whole.forgery.entries)
    assert report.notes == ["all roles are separate"]


def test_one_entity_is_followed_to_the_signed_heads(whole: Made) -> None:
    report = verified(whole, entity="order:0003")
    assert outcome(report) == (0, None, None)
    assert (report.facts["version"], report.facts["entities"]) == (4, 1)


def test_without_a_library_signatures_are_checked_just_the_same(
    whole: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_verify, "OPENSSL", False)
    assert outcome(verified(whole, entity="order:0003")) == (0, None, None)
    other = Signer("another")
    assert not audit_verify.signed(other.public, Signer("desk").private.sign(b"text"), b"text")
    assert audit_verify.signed(other.public, other.private.sign(b"text"), b"text")


def test_it_runs_alone_in_isolated_python(whole: Made) -> None:
    arguments = [str(whole.forgery.folder), "--pin", whole.pin, "--now", whole.now.isoformat()]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), *arguments, "--json", "--entity", "order:0001"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    value = json.loads(ran.stdout)
    assert (ran.returncode, value["exit"], value["verdicts"]) == (
        0,
        0,
        {"integrity": True, "completeness": True, "freshness": True},
    )


def test_it_imports_nothing_but_the_standard_library_and_perhaps_cryptography() -> None:
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", PROGRAM.read_text(), re.MULTILINE))
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_wrong_use_is_no_verdict() -> None:
    ran = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, check=False)
    assert ran.returncode == 64


def test_the_cold_copy_alone_is_enough_but_for_the_blobs(whole: Made) -> None:
    forgery = whole.forgery
    report = verified(whole, folder=forgery.archive, archive=None, trust=forgery.folder / "trust")
    assert {each.check for each in report.findings} == {"blob"}


def test_pruned_frames_are_read_from_the_cold_copy(log: Made) -> None:
    (log.forgery.folder / "log/frames/000000.frames").unlink()
    report = verified(log)
    # The last four entries are in no object yet: pruning them is loss.
    assert outcome(report) == (2, "entries", len(log.forgery.entries) - 4)
    assert {each.check for each in report.findings} >= {"entries"}


def test_a_skipped_submission_leaves_no_hole(tmp_path: Path) -> None:
    def twice(making: Making) -> None:
        at = making.forgery.value(len(making.forgery.entries) - 1)["eventTime"]
        seq, chain = making.point("desk", "d2")
        skipped = audit_verify.sha256(b"what was submitted")
        chain = audit_verify.sha256(chain + skipped)
        making.points["desk", "d2"] = (seq + 1, chain)
        said = {
            "producerId": "desk",
            "boot": "d2",
            "seq": seq + 1,
            "eventId": "x",
            "signature": None,
        }
        entity = f"log:{making.forgery.origin}"
        repeated = {
            "entityId": entity,
            "eventType": "EventRepeated",
            "requestData": said | {"sha256": skipped.hex()},
        }
        moment = audit_verify.time_of({"at": at}, "at")
        making.batch("log", "l1", moment, repeated)
        making.batch("desk", "d2", moment, {"entityId": "user:anna", "eventType": "UserLoggedIn"})

    assert outcome(verified(make_log(tmp_path, twice))) == (0, None, None)


def test_what_a_producer_dropped_is_told_and_is_no_failure(tmp_path: Path) -> None:
    def drop(making: Making) -> None:
        moment = audit_verify.time_of(making.forgery.value(50), "eventTime")
        said = {"from": "a", "to": "b", "count": 7}
        making.batch(
            "desk",
            "d2",
            moment,
            {"entityId": "producer:desk", "eventType": "AuditDropped", "requestData": said},
        )

    report = verified(make_log(tmp_path, drop))
    assert outcome(report) == (0, None, None)
    assert "producers declare that they dropped 7 events" in report.notes


def test_a_torn_last_frame_is_a_crash(log: Made) -> None:
    path = log.forgery.folder / "log/frames/000000.frames"
    path.write_bytes(path.read_bytes() + b"\x50\0\0\0\1\2\3\4torn")
    report = verified(log)
    assert report.exit_status() == 0
    assert any("torn frame" in note for note in report.notes)


def test_what_a_failed_write_left_beside_the_digests_is_passed_over(log: Made) -> None:
    digests = log.forgery.folder / "log/digests"
    (digests / "00000099.note.tmp").write_bytes(b"half of a dig")
    assert outcome(verified(log)) == (0, None, None)
    (digests / "00000099.note~").write_bytes(b"half of a dig")
    assert outcome(verified(log)) == (1, "digest-number", None)


def test_a_witness_that_is_ahead_of_the_published_checkpoint_is_believed(log: Made) -> None:
    forgery, size = log.forgery, len(log.forgery.entries)
    ahead = forgery.checkpoint(size, int(log.now.timestamp()))
    forgery.write_checkpoint(int(log.now.timestamp()) - 50, size=size - 2)
    path = forgery.folder / "witnessed"
    path.write_bytes(ahead)
    forgery.write_tiles()
    assert outcome(verified(log, checkpoints=[path])) == (0, None, None)
    forgery.entries.pop()
    forgery.write_frames()
    assert outcome(verified(log, checkpoints=[path])) == (2, "entries", size - 1)


# Canonical JSON


def whole_number(text: str) -> int:
    return int(float(text))


@pytest.mark.parametrize("name", ["french", "structures", "unicode", "weird"])
def test_vectors_of_canonical_json(name: str, shared_data: Path) -> None:
    folder = shared_data / "vectors/rfc8785"
    value = json.loads((folder / f"input/{name}.json").read_text(), parse_float=whole_number)
    expected = bytes.fromhex("".join((folder / f"outhex/{name}.txt").read_text().split()))
    assert audit_verify.canonical(value) == expected


scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(), values, max_size=5))
def test_canonical_json_is_that_of_the_oracle_and_is_read_again(value: dict[str, object]) -> None:
    data = rfc8785.dumps(value)
    assert audit_verify.canonical(value) == data
    assert audit_verify.parse(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":9007199254740993}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0061"}',
        b'{"a":"\xff"}',
        b"[]",
        b"",
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a":[' + b"[" * 100_000,
        b'{"\xee\x80\x80":1,"\xf0\x90\x80\x80":1}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":01}',
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(Wrong):
        audit_verify.parse(data)


# Tree


def folders(shared_data: Path, kind: str) -> list[dict[str, object]]:
    return [
        json.loads(path.read_text())
        for path in sorted((shared_data / "vectors/rfc6962" / kind).rglob("*.json"))
    ]


def test_vectors_of_inclusion(shared_data: Path) -> None:
    cases = folders(shared_data, "inclusion")
    for case in cases:
        proof = [base64.b64decode(each) for each in case["proof"] or []]
        leaf_hash, root = (base64.b64decode(case[name] or "") for name in ("leafHash", "root"))
        try:
            made = audit_verify.included(leaf_hash, case["leafIdx"], case["treeSize"], proof)
        except Wrong:
            made = None
        refused = made != root or len(leaf_hash) != 32
        assert refused == case["wantErr"], case["desc"]
    assert len(cases) > 50


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.integers(0, 600))
def test_the_root_over_every_size_is_that_of_the_definition(size: int, more: int) -> None:
    tree = audit_verify.Tree()
    leaves = [audit_verify.leaf(b"%d" % number) for number in range(size + more)]
    for each in leaves:
        tree.append(each)
    assert tree.root(size) == by_definition(leaves[:size])


def by_definition(leaves: list[bytes]) -> bytes:
    if len(leaves) <= 1:
        return leaves[0] if leaves else audit_verify.sha256(b"")
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return audit_verify.node(by_definition(leaves[:split]), by_definition(leaves[split:]))


def test_vectors_of_tile_paths(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "vectors/tile_paths.json").read_text())
    number, path = vectors["c2sp_index_example"]
    assert audit_verify.tile_name(0, number) == f"0/{path}"
    assert audit_verify.tile_place(f"0/{path}") == (0, number, 256)
    assert audit_verify.tile_place(f"0/{path}.p/255") == (0, number, 255)
    for wrong in (f"0/{path}.p/256", "0/x000/001", "01/001", "64/001", "0/001.p/01", "0/1"):
        assert audit_verify.tile_place(wrong) is None


# Notes


def test_vectors_of_key_ids(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "vectors/key_ids.json").read_text())
    for vkey in vectors["vkeys_ok"]:
        assert Key.read(vkey, audit_verify.ED25519).name == vkey.partition("+")[0]
    for vkey in vectors["vkeys_bad"]:
        with pytest.raises(Wrong):
            Key.read(vkey, audit_verify.ED25519)


def test_the_example_of_the_specification_is_opened() -> None:
    key = Key.read("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", 1)
    signature = (
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1E"
        "RYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    )
    data = f"This is an example message.\n\n\u2014 example.com/foo {signature}\n".encode()
    assert audit_verify.open_note(data, [key])[1] == {key: 0}


WITNESSES = [Signer(f"w{number}", COSIGNER) for number in range(3)]
POLICY = "".join(f"witness w{at} {each.vkey}\n" for at, each in enumerate(WITNESSES))


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        ("quorum none", [0, 1, 2, 3]),
        ("quorum w0", [1]),
        ("group g 2 w0 w1 w2\nquorum g", [2, 3]),
        ("group a any w0 w1\ngroup g all a w2\nquorum g", [3]),
    ],
)
def test_the_quorum_of_a_policy(rule: str, enough: list[int]) -> None:
    policy = audit_verify.Policy(f"# ours\n\n{POLICY} \t{rule}\n".encode())
    keys = [Key.read(each.vkey, COSIGNER) for each in WITNESSES]
    met = [count for count in range(4) if policy.met(keys[:count])]
    assert met == (enough if rule != "quorum w0" else [1, 2, 3])


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "quorum w9",
        "quorum w0\nquorum w1",
        "group g 4 w0 w1 w2\nquorum g",
        "group g 0 w0\nquorum g",
        "group g all\nquorum g",
        "group g all w0 w0\nquorum g",
        "group g all w0\ngroup h all w0\nquorum h",
        "group none all w0\nquorum none",
        "quorum w0\x01",
        "something else\nquorum w0",
    ],
)
def test_a_policy_that_cannot_be_is_refused(rule: str) -> None:
    with pytest.raises(Wrong):
        audit_verify.Policy(f"{POLICY}{rule}\n".encode())


# What the digests and the cold copy say


def change_object(forgery: Forgery, change: Callable[[bytes], bytes]) -> None:
    path = next((forgery.archive / "blocks").rglob("*.gz"))
    path.write_bytes(change(path.read_bytes()))


def test_an_object_that_no_digest_names_yet_is_no_alarm(log: Made) -> None:
    forgery, size = log.forgery, len(log.forgery.entries)
    data = bundle(forgery.entries)
    forgery.put(f"../archive/blocks/000000.p/{size}/entries.bundles.gz", data)
    report = verified(log)
    assert report.exit_status() == 0
    assert any("no digest names" in note for note in report.notes)


def test_an_object_that_is_not_of_the_tree_is_one(log: Made) -> None:
    forgery = log.forgery
    forgery.put("../archive/blocks/000000.p/2/entries.bundles.gz", bundle(forgery.entries[1:3]))
    assert outcome(verified(log)) == (1, "unnamed", None)


def test_a_receipt_is_held_against_the_log(log: Made, tmp_path: Path) -> None:
    forgery = log.forgery
    size = len(forgery.entries)
    leaves = [audit_verify.leaf(each) for each in forgery.entries]
    path = tmp_path / "receipt"
    proof = "".join(base64.b64encode(each).decode() + "\n" for each in proof_of(5, leaves))
    note = forgery.checkpoint(size, int(log.now.timestamp()))
    path.write_bytes(f"c2sp.org/tlog-proof@v1\nindex 5\n{proof}\n".encode() + note)
    assert outcome(verified(log, receipts=[path])) == (0, None, None)
    path.write_bytes(f"c2sp.org/tlog-proof@v1\nindex 6\n{proof}\n".encode() + note)
    assert outcome(verified(log, receipts=[path])) == (1, "receipt", None)


def proof_of(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*proof_of(index, leaves[:split]), by_definition(leaves[split:])]
    return [*proof_of(index - split, leaves[split:]), by_definition(leaves[:split])]


def test_a_boot_goes_on_behind_a_fork(tmp_path: Path) -> None:
    """The log of before ended at sequence 7 of a boot that then submits its eighth to this one."""

    def forked(making: Making) -> None:
        chain = audit_verify.sha256(b"P of the log before")
        making.points["desk", "old"] = (7, chain)
        said = {"producers": [{"boot": "old", "chain": chain.hex(), "id": "desk", "seq": 7}]}
        entity = f"log:{making.forgery.origin}"
        fork = {"entityId": entity, "eventType": "ForkDeclared", "requestData": said}
        making.batch("log", "l1", START, fork)
        login = {"entityId": "user:anna", "eventType": "UserLoggedIn"}
        making.batch("desk", "old", START, login)

    assert outcome(verified(make_log(tmp_path, begin=forked))) == (0, None, None)
