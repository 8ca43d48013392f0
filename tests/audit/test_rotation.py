"""Keys that rotate: old signatures stay good, old keys sign nothing new, and all verifies green."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.audit.sequencer.rig import ORIGIN, PRODUCERS, ROLES, Desk, Teller
from tests.audit.witness.small_log import SmallLog
from trading_runtime.audit import rotation
from trading_runtime.audit.keys import Charter, init, key_path, producer_name, read_key
from trading_runtime.audit.rotation import (
    LOCK,
    NEXT,
    Next,
    boot_after,
    change_policy,
    rotate_digest_key,
    rotate_log_key,
    rotate_producer_key,
    rotate_witness_key,
    settle,
    with_log,
    with_witness,
)
from trading_runtime.audit.sequencer.opening import believed
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout, policy, trust
from trading_runtime.evidence.notes import Kind, SigningKey, Vkey
from trading_runtime.evidence.verify.asked import Question
from trading_runtime.evidence.verify.verify import verify_folder
from trading_runtime.journal.alone import alone
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

SECOND_VERIFIER = Path(__file__).parents[2] / "tools" / "audit_verify.py"
PERIOD_S = 20
AGO_S = 180
"""The desk's clock begins so long ago: a digest or two are due between any two rotations."""
NOW = Nanos(1_800_000_000 * NANOS_PER_SECOND)


@pytest.fixture
def log(tmp_path: Path) -> SmallLog:
    return SmallLog(tmp_path / "audit")


def vkey_of(name: str, kind: Kind = Kind.COSIGNATURE) -> Vkey:
    return SigningKey.generate(name, kind).vkey


def test_a_logs_new_key_begins_where_the_old_one_ends(log: SmallLog) -> None:
    old = log.log_key.vkey
    pin, new = rotate_log_key(log.audit)
    assert log.log_key.vkey == new != old
    assert (new.name, new.kind) == (old.name, old.kind)
    found = log.trust
    assert found.log_vkeys(0) == (old,)
    assert found.log_vkeys(1) == (new,)
    assert log.policy.logs == [old, new]
    assert trust.pin(layout.trust_path(log.audit).read_bytes()) == pin
    trust.check_policy(found, layout.policy_path(log.audit).read_bytes())


def test_a_key_that_never_signed_leaves_no_trace_in_the_sizes(log: SmallLog) -> None:
    rotate_log_key(log.audit)
    _, last = rotate_log_key(log.audit)
    assert [(key.from_size, key.to_size) for key in log.trust.log_keys] == [(0, 0), (1, None)]
    assert log.trust.log_vkeys(1) == (last,)
    rotate_digest_key(log.audit)
    _, last = rotate_digest_key(log.audit)
    assert [key.vkey for key in log.trust.digest_keys] == [str(last)]
    assert log.trust.digest_vkeys(1) == (last,)


def test_a_producers_new_key_counts_for_later_boots(log: SmallLog) -> None:
    old = read_key(key_path(log.audit, producer_name("runtime"))).vkey
    _, new = rotate_producer_key(log.audit, "runtime", NOW)
    assert read_key(key_path(log.audit, producer_name("runtime"))).vkey == new
    assert log.trust.producer_vkey("runtime", boot_after(Nanos(NOW - 1), "")) == old
    assert log.trust.producer_vkey("runtime", boot_after(NOW, "")) == new


def test_a_producer_may_be_added_with_a_key_that_was_made_elsewhere(log: SmallLog) -> None:
    made = vkey_of("desk.example/console", Kind.ED25519)
    assert rotate_producer_key(log.audit, "console", NOW, made).vkey == made
    assert log.trust.producer_vkey("console", boot_after(NOW, "")) == made
    assert not key_path(log.audit, producer_name("console")).exists()


def test_a_boot_whose_name_lies_in_the_future_keeps_its_key(log: SmallLog) -> None:
    future = boot_after(Nanos(NOW + NANOS_PER_SECOND), "")
    (log.audit / "wal" / "runtime" / future).mkdir(parents=True)
    old = read_key(key_path(log.audit, producer_name("runtime"))).vkey
    _, new = rotate_producer_key(log.audit, "runtime", NOW)
    assert log.trust.producer_vkey("runtime", future) == old
    assert log.trust.producer_vkey("runtime", boot_after(Nanos(NOW + 2 * 10**9), future)) == new


def test_the_old_private_key_is_gone(log: SmallLog) -> None:
    before = {path: path.read_text() for path in (log.audit / "keys").iterdir()}
    rotate_log_key(log.audit)
    rotate_digest_key(log.audit)
    rotate_witness_key(log.audit, "own")
    for producer in ("log", "runtime"):
        rotate_producer_key(log.audit, producer, NOW)
    after = {path: path.read_text() for path in (log.audit / "keys").iterdir()}
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert all(path.stat().st_mode & 0o077 == 0 for path in after)


def test_a_witnesss_new_key_stands_beside_the_old_one(log: SmallLog) -> None:
    old = log.witness_key.vkey
    first = rotate_witness_key(log.audit, "own").vkey
    assert log.witness_key.vkey == first
    second = rotate_witness_key(log.audit, "own").vkey
    found = log.policy
    assert found.witnesses[b"own"].vkey == second
    assert set(found.keys()) == {old, first, second}
    assert all(found.met([key]) for key in (old, first, second))
    assert not found.met([])


def test_a_stolen_key_of_a_witness_is_believed_no_more(log: SmallLog) -> None:
    new = rotate_witness_key(log.audit, "own", stolen=True).vkey
    assert log.policy.keys() == (new,)
    again = rotate_witness_key(log.audit, "own").vkey
    last = rotate_witness_key(log.audit, "own", stolen=True).vkey
    assert set(log.policy.keys()) == {new, last}
    assert again not in set(log.policy.keys())


def test_two_of_three_stay_two_of_three_when_one_of_them_rotates() -> None:
    keys = {name: vkey_of(f"{name}.example/w") for name in ("a", "b", "c")}
    lines = ["# who watches us", *(f"witness {name} {key}" for name, key in keys.items())]
    lines[1] += "   http://127.0.0.1:1/"
    rules = "\n".join([*lines, "group\ttwo 2 a b c", "quorum two", ""]).encode()
    new = vkey_of("a.example/w")
    changed = with_witness(rules, b"a", new, keep_old=True)
    found = policy.parse(changed)
    assert changed.startswith(b"# who watches us\n")
    assert found.witnesses[b"a"].url == "http://127.0.0.1:1/"
    assert found.witnesses[b"a/1"].url == ""
    for which in (keys["a"], new):
        assert found.met([which, keys["b"]])
    assert not found.met([keys["a"], new])
    again = policy.parse(with_witness(changed, b"a", vkey_of("a.example/w"), keep_old=True))
    assert not again.met([keys["a"], new])
    assert set(again.witnesses) == {b"a", b"a/1", b"a/2", b"b", b"c"}


def test_a_witness_that_is_not_there_is_refused(log: SmallLog) -> None:
    with pytest.raises(Refused, match="no witness 'west'"):
        rotate_witness_key(log.audit, "west", vkey_of("w"))
    with pytest.raises(Refused, match="nobody could be believed"):
        rotate_witness_key(log.audit, "own", vkey_of("w", Kind.ED25519))


def test_a_policy_that_would_not_hold_is_refused_and_nothing_changes(log: SmallLog) -> None:
    before = (log.trust, log.policy)
    logs = b"".join(b"log %s\n" % str(key).encode() for key in log.policy.logs)
    for rules in (b"", b"quorum none\n", logs, logs + b"quorum nobody\n"):
        with pytest.raises(Refused):
            change_policy(log.audit, rules)
    assert (log.trust, log.policy) == before
    other = vkey_of("other.example/w")
    change_policy(log.audit, logs + f"witness other {other}\nquorum other\n".encode())
    assert log.policy.keys() == (other,)


def test_no_key_rotates_under_a_service_that_runs(log: SmallLog) -> None:
    with alone(log.audit / LOCK, "it runs"), pytest.raises(Refused, match="stop it"):
        rotate_log_key(log.audit)


def test_a_new_key_of_the_log_stands_behind_the_others_with_their_url() -> None:
    old, new = vkey_of("l", Kind.ED25519), vkey_of("l", Kind.ED25519)
    rules = f"quorum none\nlog {old} http://127.0.0.1:1/\n# end\n".encode()
    assert (
        with_log(rules, new)
        == (
            f"quorum none\nlog {old} http://127.0.0.1:1/\nlog {new} http://127.0.0.1:1/\n# end\n"
        ).encode()
    )


class Cut(Exception):
    """The power, as far as a rotation knows."""


@pytest.mark.parametrize("after", range(6))
def test_a_rotation_that_is_cut_in_two_is_done_or_not_done(
    log: SmallLog, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Each of its steps on disk may be the last one."""
    old = log.log_key.vkey
    steps = iter(range(after, -1, -1))

    def counted(step: object) -> object:
        def stepped(*words: object) -> object:
            if next(steps) == 0:
                raise Cut
            assert callable(step)
            return step(*words)

        return stepped

    for name in ("keep_key", "write_file", "sync_folder", "remove"):
        monkeypatch.setattr(rotation, name, counted(vars(rotation)[name]))
    with pytest.raises(Cut):
        rotate_log_key(log.audit)
    monkeypatch.undo()
    settle(log.audit)
    assert not (log.audit / "trust" / NEXT).exists()
    trust.check_policy(log.trust, layout.policy_path(log.audit).read_bytes())
    (signs,) = log.trust.log_vkeys(1)
    assert log.log_key.vkey == signs
    assert (signs == old) == (after <= 1)
    settle(log.audit)
    rotate_log_key(log.audit)


def test_what_is_planned_is_read_back_whatever_octets_a_policy_has() -> None:
    planned = Next(policy=b"# \xff\xfe\nquorum none\n", trust=b"{}", key="")
    assert msgspec.json.decode(msgspec.json.encode(planned), type=Next) == planned


class Shift:
    """Producers that are stopped and started with the service, each time in a boot that follows."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._ended: dict[str, tuple[str, int, str]] = {}

    def work(self, seconds: float) -> None:
        """Take entries in, publish, let ``seconds`` pass, and end in order."""
        desk = self.desk
        with desk.witnessed(), desk.open() as opened:
            for producer in PRODUCERS:
                self._submit(desk.teller(boot_after(desk.hands.stamp.wall, ""), producer))
            while opened.sequencer.turn():
                pass
            desk.hands.advance(seconds)
            opened.sequencer.turn()
            opened.sequencer.close()

    def _submit(self, teller: Teller) -> None:
        producer, boot = teller.chain.producer_id, teller.chain.boot
        before, seq, chain = self._ended.get(producer, (None, None, None))
        started = teller.deed(
            1,
            f"producer:{producer}",
            event_type="ProducerStarted",
            operation="start",
            request_data={"previousBoot": before, "previousChain": chain, "previousSeq": seq},
        )
        self.desk.pile.waiting += [*teller.batch(started), *teller.many(30)]
        self._ended[producer] = (boot, teller.chain.seq, teller.chain.value.hex())


def test_a_log_whose_every_key_rotated_verifies_green(tmp_path: Path) -> None:
    began = Nanos(wall_ns() - AGO_S * NANOS_PER_SECOND)
    charter = Charter(origin=ORIGIN, roles=ROLES, producers=PRODUCERS, period_s=PERIOD_S)
    pins = [init(tmp_path / "audit", charter, began)]
    desk = Desk(tmp_path, PERIOD_S)
    desk.hands.stamp = Stamp(began, began)
    audit = desk.audit
    turns = (
        lambda: rotate_log_key(audit),
        lambda: rotate_digest_key(audit),
        lambda: rotate_producer_key(audit, "runtime", desk.hands.stamp.wall),
        lambda: rotate_producer_key(audit, "log", desk.hands.stamp.wall),
        lambda: rotate_witness_key(audit, "own"),
        lambda: rotate_witness_key(audit, "own", stolen=True),
    )
    shift = Shift(desk)
    for number, turn in enumerate(turns):
        shift.work(AGO_S / len(turns))
        verified_green(desk, pins[-1])
        pins.append(turn().pin)
        assert len(set(pins)) == number + 2
    shift.work(0)
    verified_green(desk, pins[-1])
    declared = [found["pin"] for found in desk.told("TrustDeclared")]
    assert declared == pins
    accepted, _ = believed(audit)
    assert len(accepted.trust.log_keys) == 2
    first, second = accepted.trust.digest_keys
    written = layout.digest_numbers(layout.log_folder(audit))
    assert first.to_digest in written
    assert second.from_digest in written


def verified_green(desk: Desk, pin: str) -> None:
    now_s = desk.hands.stamp.wall // NANOS_PER_SECOND
    report = verify_folder(desk.audit, Question(now=now_s), pin=pin)
    assert report.exit_status == 0, report.findings
    command = [sys.executable, str(SECOND_VERIFIER), str(desk.audit), "--pin", pin]
    done = subprocess.run(
        [*command, "--now", str(now_s)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
