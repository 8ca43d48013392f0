import json
from hashlib import sha256
from typing import Any

import pytest

from tests.evidence.builders import (
    DIGESTS,
    LOG,
    OLD_LOG,
    ORIGIN,
    OTHER_WITNESS,
    POLICY,
    STRANGER,
    WITNESS,
    trusted,
    witnessed,
)
from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, notes, policy, trust
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Signature, SigningKey
from trading_runtime.evidence.trust import ProducerKey

BYTES = trust.write(trusted())
MEMBERS = json.loads(BYTES)
BELIEVED = policy.parse(POLICY)
POINT = Checkpoint(ORIGIN, 12, bytes(32))


def reason(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        trust.read(data)
    return caught.value.reason


def refusal(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        trust.open_checkpoint(data, trusted(), BELIEVED)
    return caught.value.reason


def test_trust_reads_as_it_was_written() -> None:
    assert trust.write(trust.read(BYTES)) == BYTES
    assert trust.pin(BYTES) == sha256(BYTES).hexdigest()
    assert sorted(MEMBERS) == sorted(
        (
            *("v", "origin", "policySha256", "logKeys", "digestKeys", "producerKeys"),
            *("digestPeriodSeconds", "firstPeriodStart", "roles"),
        )
    )


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_each_member_has_to_be_there(name: str) -> None:
    without = {key: value for key, value in MEMBERS.items() if key != name}
    assert reason(canonical.encode(without)) == "trust"


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"other": 1}, "trust"),
        ({"v": 2}, "trust"),
        ({"v": "1"}, "trust"),
        ({"origin": ""}, "checkpoint"),
        ({"origin": "a\nb"}, "checkpoint"),
        ({"digestPeriodSeconds": 0}, "trust"),
        ({"firstPeriodStart": "2026-01-01T00:00:00Z"}, "trust"),
        ({"firstPeriodStart": "2026-13-01T00:00:00.000000Z"}, "trust"),
        ({"firstPeriodStart": "2026-01-01T00:00:00.000001Z"}, "trust"),
        ({"logKeys": [{"vkey": "x", "fromSize": 0, "toSize": None}]}, "vkey"),
        ({"logKeys": [{"vkey": str(WITNESS.vkey), "fromSize": 0, "toSize": None}]}, "trust"),
        ({"logKeys": [{"vkey": str(LOG.vkey), "fromSize": 0}]}, "trust"),
        ({"producerKeys": MEMBERS["producerKeys"] * 2}, "trust"),
        ({"roles": {"log": "a"}}, "trust"),
    ],
    ids=str,
)
def test_what_the_format_excludes_is_refused(members: dict[str, Any], why: str) -> None:
    assert reason(canonical.encode(MEMBERS | members)) == why


def test_other_bytes_of_the_same_trust_are_refused() -> None:
    assert reason(BYTES + b"\n") == "not_canonical"
    assert reason(json.dumps(MEMBERS).encode()) == "not_canonical"


def test_a_policy_has_to_be_the_one_that_is_named() -> None:
    trust.check_policy(trusted(), POLICY)
    with pytest.raises(Misread, match="policy"):
        trust.check_policy(trusted(), POLICY.replace(b"quorum both", b"quorum none"))


def test_a_key_holds_for_its_sizes_and_digests_both_ends_included() -> None:
    believed = trusted()
    assert believed.log_vkeys(0) == believed.log_vkeys(9) == (OLD_LOG.vkey,)
    assert believed.log_vkeys(10) == believed.log_vkeys(10**9) == (LOG.vkey,)
    assert believed.digest_vkeys(1) == believed.digest_vkeys(99) == (DIGESTS.vkey,)
    assert believed.digest_vkeys(0) == believed.digest_vkeys(100) == ()


def test_a_boot_is_judged_by_the_last_key_that_is_not_after_it() -> None:
    keys = [SigningKey.generate("runtime").vkey for _ in range(3)]
    believed = trusted(
        producer_keys=tuple(
            ProducerKey(producer_id="runtime", vkey=str(key), from_boot=boot)
            for key, boot in zip(keys, ("m", "", "t"), strict=True)
        )
    )
    assert believed.producer_vkey("runtime", "a") == keys[1]
    assert believed.producer_vkey("runtime", "m") == keys[0]
    assert believed.producer_vkey("runtime", "s") == keys[0]
    assert believed.producer_vkey("runtime", "zz") == keys[2]
    assert believed.producer_vkey("other", "a") is None


def test_a_checkpoint_with_its_quorum_is_accepted() -> None:
    accepted = trust.open_checkpoint(
        witnessed(POINT, LOG, WITNESS, OTHER_WITNESS), trusted(), BELIEVED
    )
    assert accepted.checkpoint == POINT
    assert accepted.quorum
    assert accepted.times == {WITNESS.vkey: 1_767_225_700, OTHER_WITNESS.vkey: 1_767_225_700}


def test_stripped_cosignatures_are_told() -> None:
    one = trust.open_checkpoint(witnessed(POINT, LOG, WITNESS), trusted(), BELIEVED)
    assert not one.quorum
    none = trust.open_checkpoint(witnessed(POINT, LOG), trusted(), BELIEVED)
    assert (none.quorum, none.times) == (False, {})


def test_one_witness_signing_twice_is_one_witness() -> None:
    first = notes.cosignature_of(POINT.text(), WITNESS, 5)
    second = notes.cosignature_of(POINT.text(), WITNESS, 3)
    log = notes.signature_of(POINT.text(), LOG)
    data = notes.join(POINT.text(), [first, second, log])
    accepted = trust.open_checkpoint(data, trusted(), BELIEVED)
    assert (accepted.quorum, accepted.times) == (False, {WITNESS.vkey: 5})


def test_the_checkpoint_of_another_log_is_refused() -> None:
    other = Checkpoint("other.example", 12, bytes(32))
    assert refusal(witnessed(other, LOG, WITNESS, OTHER_WITNESS)) == "origin"


def test_a_retired_key_signs_nothing_new_and_a_new_one_nothing_old() -> None:
    assert refusal(witnessed(POINT, OLD_LOG, WITNESS, OTHER_WITNESS)) == "log_key"
    old = Checkpoint(ORIGIN, 9, bytes(32))
    assert refusal(witnessed(old, LOG, WITNESS)) == "log_key"
    assert trust.open_checkpoint(witnessed(old, OLD_LOG), trusted(), BELIEVED)
    both = trust.open_checkpoint(witnessed(POINT, OLD_LOG, LOG), trusted(), BELIEVED)
    assert both.checkpoint == POINT


def test_witnesses_alone_make_no_checkpoint() -> None:
    assert refusal(witnessed(POINT, WITNESS, OTHER_WITNESS)) == "log_key"
    assert refusal(witnessed(POINT, DIGESTS)) == "unsigned"
    assert refusal(witnessed(POINT, STRANGER, WITNESS, OTHER_WITNESS)) == "log_key"


def test_a_bad_signature_of_a_retired_key_spoils_the_rest() -> None:
    good = notes.signature_of(POINT.text(), LOG)
    bad = Signature(ORIGIN, OLD_LOG.vkey.key_id, good.data)
    assert refusal(notes.join(POINT.text(), [good, bad])) == "signature"
