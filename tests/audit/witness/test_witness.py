"""What a witness cosigns and what it refuses, in the order of C2SP tlog-witness."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from tests.audit.witness.small_log import NOW_S, SmallLog
from trading_runtime.audit.witness import request
from trading_runtime.audit.witness.request import Request
from trading_runtime.audit.witness.witness import REFUSED_MAX, Alarm, Answer, Witness
from trading_runtime.errors import Halt, Misread
from trading_runtime.evidence import checkpoint, notes
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.evidence.trust import LogKey, open_checkpoint
from trading_runtime.records.observations import AuditAlarmed, AuditTampered


class Scene:
    """A log, the witness of it, and what that one alarms."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "witness"
        self.log = SmallLog(folder / "log" / "audit")
        self.alarms: list[Alarm] = []
        self.witness = self.open()

    def open(self) -> Witness:
        log = self.log
        return Witness(self.folder, {log.origin: log.trust}, log.witness_key, self.alarms.append)

    def again(self) -> None:
        self.witness.close()
        self.witness = self.open()

    def add(self, body: bytes, now_s: int = NOW_S) -> Answer:
        return self.witness.add_checkpoint(body, now_s)

    def status(self, body: bytes) -> int:
        return self.add(body).status

    @property
    def size(self) -> int:
        return self.witness.sizes()[self.log.origin]


@contextmanager
def scene_in(folder: Path) -> Iterator[Scene]:
    scene = Scene(folder)
    try:
        yield scene
    finally:
        scene.witness.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path) as scene:
        yield scene


def test_a_checkpoint_is_cosigned_at_the_time_of_the_request(scene: Scene) -> None:
    answer = scene.add(scene.log.body(0, 5), NOW_S + 9)
    assert (answer.status, answer.content_type) == (200, "text/plain")
    (signature,) = notes.parse_signatures(answer.body)
    key = scene.log.witness_key.vkey
    text = scene.log.checkpoint(5).text()
    assert checkpoint.verify_cosignature(text, signature, key) == NOW_S + 9


@pytest.mark.parametrize("steps", [(0, 1, 2, 3, 7, 8, 9, 40), (0, 64, 100), (0, 3, 3, 3, 4)])
def test_each_checkpoint_on_top_of_the_last_one_is_cosigned(
    scene: Scene, steps: tuple[int, ...]
) -> None:
    for old, size in pairwise(steps):
        assert scene.status(scene.log.body(old, size)) == 200
        assert scene.size == size
    assert scene.alarms == []


def test_the_empty_tree_is_cosigned(scene: Scene) -> None:
    assert scene.status(scene.log.body(0, 0)) == 200
    assert scene.status(scene.log.body(0, 4)) == 200


def test_monitors_are_shown_the_checkpoint_with_both_signatures(scene: Scene) -> None:
    name = scene.witness._watched[scene.log.origin].folder.name  # noqa: SLF001 -- its hash
    assert scene.witness.shown(name) is None
    scene.add(scene.log.body(0, 5))
    for _ in range(2):
        shown = scene.witness.shown(name)
        assert shown is not None
        accepted = open_checkpoint(shown, scene.log.trust, scene.log.policy)
        assert accepted.quorum
        assert accepted.checkpoint == scene.log.checkpoint(5)
        scene.again()


def test_an_unknown_origin_is_404(scene: Scene) -> None:
    other = Checkpoint("other.example/log", 1, scene.log.checkpoint(1).root)
    note = checkpoint.sign(other, scene.log.log_key)
    assert scene.status(request.write(Request(0, (), note))) == 404


def test_a_note_that_no_key_of_the_log_signed_is_403(scene: Scene) -> None:
    stranger = SigningKey.generate(scene.log.origin)
    note = checkpoint.sign(scene.log.checkpoint(3), stranger)
    assert scene.status(request.write(Request(0, (), note))) == 403
    assert scene.size == 0


def test_a_bad_signature_of_the_logs_key_is_403_whatever_stands_beside_it(scene: Scene) -> None:
    text = scene.log.checkpoint(3).text()
    good = notes.signature_of(text, scene.log.log_key)
    bad = notes.Signature(good.name, good.key_id, bytes(64))
    for signatures in ([bad], [bad, good], [good, bad]):
        body = request.write(Request(0, (), notes.join(text, signatures)))
        assert scene.status(body) == 403
    assert scene.size == 0


def test_signatures_of_strangers_are_ignored_and_not_shown(scene: Scene) -> None:
    log = scene.log
    text = log.checkpoint(3).text()
    stranger = SigningKey.generate("stranger.example")
    signed = [notes.signature_of(text, key) for key in (stranger, log.log_key)]
    assert scene.status(request.write(Request(0, (), notes.join(text, signed)))) == 200
    shown = scene.witness.shown(scene.witness._watched[log.origin].folder.name)  # noqa: SLF001
    assert shown is not None
    assert b"stranger" not in shown


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda body: body.replace(b"old 0", b"old 00"),
        lambda body: body.replace(b"old 0", b"old 4"),
        lambda body: body.replace(b"\n\n", b"\n", 1),
        lambda body: body.replace(b"\n3\n", b"\n03\n"),
        lambda body: body.replace(b"\n3\n", b"\n+3\n"),
        lambda body: body[:-1],
        lambda body: body + body.splitlines(keepends=True)[-1] * 100,
    ],
)
def test_what_is_malformed_is_400(scene: Scene, spoil: Callable[[bytes], bytes]) -> None:
    assert scene.status(spoil(scene.log.body(0, 3))) == 400
    assert scene.size == 0


def test_extension_lines_are_400(scene: Scene) -> None:
    text = scene.log.checkpoint(3).text() + "an extension\n"
    assert (
        scene.status(request.write(Request(0, (), notes.sign_note(text, scene.log.log_key)))) == 400
    )


def test_an_old_size_above_the_size_is_400_and_not_409(scene: Scene) -> None:
    scene.add(scene.log.body(0, 5))
    assert scene.status(request.write(Request(5, (), scene.log.note(4)))) == 400


@pytest.mark.parametrize("old", [0, 4, 6])
def test_another_old_size_is_409_with_the_size_and_its_type(scene: Scene, old: int) -> None:
    scene.add(scene.log.body(0, 5))
    answer = scene.add(request.write(Request(old, (), scene.log.note(9))))
    assert answer == Answer(409, b"5\n", "text/x.tlog.size")
    assert scene.size == 5


def test_a_409_before_the_first_checkpoint_says_zero(scene: Scene) -> None:
    answer = scene.add(request.write(Request(3, (), scene.log.note(9))))
    assert answer == Answer(409, b"0\n", "text/x.tlog.size")


def test_a_size_of_zero_with_another_root_is_422(scene: Scene) -> None:
    false = Checkpoint(scene.log.origin, 0, bytes(32))
    note = checkpoint.sign(false, scene.log.log_key)
    assert scene.status(request.write(Request(0, (), note))) == 422


def test_a_proof_from_size_zero_is_422(scene: Scene) -> None:
    note = scene.log.note(5)
    assert scene.status(request.write(Request(0, (bytes(32),), note))) == 422
    assert scene.alarms == []


@pytest.mark.parametrize("change", ["empty", "short", "long", "wrong"])
def test_a_proof_that_does_not_prove_is_422_and_alarmed_once(scene: Scene, change: str) -> None:
    scene.add(scene.log.body(0, 5))
    proof = tuple(scene.log.proof(5, 9))
    changed = {
        "empty": (),
        "short": proof[:-1],
        "long": (*proof, bytes(32)),
        "wrong": (bytes(32), *proof[1:]),
    }[change]
    for _ in range(2):
        assert scene.status(request.write(Request(5, changed, scene.log.note(9)))) == 422
    assert scene.size == 5
    (alarm,) = scene.alarms
    assert isinstance(alarm, AuditAlarmed)
    assert scene.status(scene.log.body(5, 9)) == 200


def test_a_log_that_was_written_anew_gets_no_cosignature(scene: Scene) -> None:
    scene.add(scene.log.body(0, 5))
    anew = SmallLog(scene.log.audit, "b")
    assert scene.status(anew.body(5, 9)) == 422
    assert scene.size == 5


@pytest.mark.parametrize("old", [0, 5])
def test_two_roots_of_one_size_are_a_split_view_kept_as_proof(scene: Scene, old: int) -> None:
    scene.add(scene.log.body(0, 5))
    other = SmallLog(scene.log.audit, "b")
    body = request.write(Request(old, (), other.note(5)))
    assert scene.status(body) == (409 if old == 0 else 422)
    (alarm,) = scene.alarms
    assert isinstance(alarm, AuditTampered)
    assert alarm.check == "witness"
    assert (alarm.expected, alarm.found) == (
        scene.log.checkpoint(5).root.hex(),
        other.checkpoint(5).root.hex(),
    )
    (kept,) = (scene.folder / "refused").iterdir()
    assert kept.read_bytes() == body


def test_kept_proofs_have_an_end(scene: Scene) -> None:
    scene.add(scene.log.body(0, 2))
    for number in range(REFUSED_MAX + 5):
        scene.add(SmallLog(scene.log.audit, f"b{number}").body(2, 3))
    assert len(scene.alarms) == REFUSED_MAX
    assert len(list((scene.folder / "refused").iterdir())) == REFUSED_MAX


def test_the_same_checkpoint_again_is_cosigned_with_the_time_of_now(scene: Scene) -> None:
    scene.add(scene.log.body(0, 5), NOW_S)
    history = scene.witness._watched[scene.log.origin].history  # noqa: SLF001
    before = history.newest
    (signature,) = notes.parse_signatures(scene.add(scene.log.body(5, 5), NOW_S + 60).body)
    assert signature.time == NOW_S + 60
    assert history.newest == before


@pytest.mark.parametrize("size", [5, 64])
def test_a_restart_forgets_nothing(scene: Scene, size: int) -> None:
    scene.add(scene.log.body(0, size))
    scene.again()
    assert scene.size == size
    assert scene.add(scene.log.body(0, size)).status == 409
    assert scene.status(scene.log.body(size, size + 3)) == 200


def test_a_retired_key_of_the_log_signs_nothing_new(scene: Scene) -> None:
    log = scene.log
    new = SigningKey.generate(log.origin)
    keys = (
        LogKey(vkey=str(log.log_key.vkey), from_size=0, to_size=5),
        LogKey(vkey=str(new.vkey), from_size=6, to_size=None),
    )
    scene.witness.trust({log.origin: msgspec.structs.replace(log.trust, log_keys=keys)})
    assert scene.status(log.body(0, 5)) == 200
    assert scene.status(log.body(5, 6)) == 403
    note = checkpoint.sign(log.checkpoint(6), new)
    assert scene.status(request.write(Request(5, tuple(log.proof(5, 6)), note))) == 200


def test_several_logs_are_kept_apart(tmp_path: Path) -> None:
    with scene_in(tmp_path) as scene:
        first = scene.log.trust
        second = msgspec.structs.replace(first, origin="other.example/tape")
        scene.witness.trust({first.origin: first, second.origin: second})
        scene.add(scene.log.body(0, 5))
        assert scene.witness.sizes() == {first.origin: 5, second.origin: 0}
        scene.witness.trust({second.origin: second})
        assert scene.status(scene.log.body(5, 6)) == 404


def test_another_logs_memory_in_its_place_is_refused(tmp_path: Path) -> None:
    with scene_in(tmp_path) as scene:
        scene.add(scene.log.body(0, 5))
        log = scene.log
        other = msgspec.structs.replace(log.trust, origin="other.example/tape")
        scene.witness.trust({other.origin: other})
        mine, theirs = (
            scene.witness._watched[origin].folder  # noqa: SLF001
            for origin in (log.origin, other.origin)
        )
        (theirs / "history" / "000000.notes").write_bytes(
            (mine / "history" / "000000.notes").read_bytes()
        )
        (theirs / "checkpoint").write_bytes((mine / "checkpoint").read_bytes())
        with pytest.raises(Halt, match="holds checkpoints of"):
            Witness(scene.folder, {other.origin: other}, log.witness_key, scene.alarms.append)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misread):
        Witness(tmp_path, {}, SigningKey.generate("w", Kind.ED25519), print)


def test_a_root_in_the_wrong_base64_is_400(scene: Scene) -> None:
    root = base64.b64encode(scene.log.checkpoint(3).root).rstrip(b"=")
    body = scene.log.body(0, 3)
    assert root + b"=" in body
    assert scene.status(body.replace(root + b"=", root)) == 400
