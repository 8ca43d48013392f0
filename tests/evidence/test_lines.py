"""Many submissions at once are read exactly as strictly as one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.verify.building import Building, fill
from trading_runtime.errors import Misread
from trading_runtime.evidence import entry
from trading_runtime.evidence.lines import LEVELS, read_submissions

PIECES = [b"", b" ", b"\n", b"0", b"-", b".", b"e", b'"', b"}", b",", b"A", b"\xff"]


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    log = Building(tmp_path_factory.mktemp("log"))
    fill(log)
    unsigned = [entry.submission_of(it) for it in log.entries]
    return [raw if name is None else entry.signed(raw, name) for raw, name in unsigned]


def test_what_is_read_is_what_stands_there(submissions: list[bytes]) -> None:
    found = read_submissions(submissions)
    assert found is not None
    for read, raw in zip(found, submissions, strict=True):
        alone = entry.read_submission(raw)
        names = type(alone).__struct_fields__
        producer = [(it.producer.id, it.producer.boot, it.producer.seq) for it in (read, alone)]
        assert producer[0] == producer[1]
        assert read.producer.signature == alone.producer.signature
        for name in set(names) - {"producer"}:
            assert read.__getattribute__(name) == alone.__getattribute__(name)
    assert read_submissions([]) == ()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_bent_submission_is_never_taken_for_a_good_one(
    submissions: list[bytes], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(submissions) - 1))
    raw = bytearray(submissions[place])
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 1))] = data.draw(st.sampled_from(PIECES))
    together = read_submissions([*submissions[:place], bytes(raw), *submissions[place + 1 :]])
    try:
        entry.read_submission(bytes(raw))
    except Misread:
        assert together is None
    else:
        assert together is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":1,', b'"seq":0,'),
        (b'"seq":1,', b'"seq":1.0,'),
        (b'"seq":1,', b'"seq":9007199254740992,'),
        (b'"clientIp":null', b'"clientIp":null,"clientIp":null'),
        (b'"clientIp":null', b'"clientIp":null,"version":1'),
        (b'"requestData":{', b'"requestData":{"a":1.5,'),
        (b'"requestData":{', b'"requestData":{"a":9007199254740993,'),
        (b'"requestData":{', b'"requestData":{"a":"\\ud800",'),
        (b'"requestData":{', b'"requestData":{"a":NaN,'),
        (b'"requestData":{', b'"requestData": {'),
        (b'"operation":"place"', b'"operation":null'),
    ],
)
def test_what_the_format_excludes_is_read_by_neither(
    submissions: list[bytes], old: bytes, new: bytes
) -> None:
    raw = next(it for it in submissions if old in it)
    bent = raw.replace(old, new)
    with pytest.raises(Misread):
        entry.read_submission(bent)
    assert read_submissions([*submissions, bent]) is None


def test_two_halves_do_not_make_one(submissions: list[bytes]) -> None:
    first, second = submissions[:2]
    cut = len(second) // 2
    assert read_submissions([first + b"\n" + second[:cut], second[cut:]]) is None
    assert read_submissions([first + b"\n" + second]) is None


def test_what_is_unusual_is_left_to_be_read_alone(submissions: list[bytes]) -> None:
    raw = next(it for it in submissions if b'"requestData":{' in it)
    nested = b'{"a":' * (LEVELS + 1) + b"[0]" + b"}" * (LEVELS + 1)
    head, _, tail = raw.partition(b'"requestData":')
    rest = tail[tail.index(b',"serviceName"') :]
    for state in (b'{"\xf0\x9f\x98\x80":2,"\xee\x80\x80":1}', nested):
        unusual = b'%b"requestData":%b%b' % (head, state, rest)
        assert entry.read_submission(unusual).request_data is not None
        assert read_submissions([unusual]) is None
