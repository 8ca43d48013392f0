"""Real traffic damaged on purpose: a book is the venue's, or it is not said to be in sync."""

import json
from pathlib import Path
from random import Random

import msgspec
import pytest

from tests.core.desk_inputs import GRIDS, SETTINGS, Capture20240808, Loop, Step, frame
from trading_runtime.core.intake import Intake, IntakeCarried
from trading_runtime.market.events import DepthChanged
from trading_runtime.records.commands import RequestSnapshot
from trading_runtime.records.envelope import Output, decode_body, encode_body
from trading_runtime.records.facts_market import BookDesynced, BookSynced
from trading_runtime.records.inputs import AnswerReceived, FrameReceived
from trading_runtime.records.units import Seq, Side

KEYS = sorted(GRIDS)
LINES = 8_000
"""Of each capture: several hundred deltas."""


@pytest.fixture(scope="module")
def captured(shared_data: Path) -> dict[str, list[Step]]:
    return {key: Capture20240808(shared_data, key).steps(LINES) for key in KEYS}


class Truth:
    """The venue: what its book is after each delta, and what it would answer now."""

    def __init__(self, steps: list[Step]) -> None:
        self.books: dict[int, tuple[dict[str, str], dict[str, str]]] = {}
        self._bids: dict[str, str] = {}
        self._asks: dict[str, str] = {}
        self.now = 0
        deltas = []
        for _, body in steps:
            if isinstance(body, AnswerReceived):
                loaded = json.loads(body.body)
                self._bids, self._asks = dict(loaded["bids"]), dict(loaded["asks"])
                self.first = loaded["lastUpdateId"]
        for _, body in steps:
            if is_depth(body):
                deltas.append(json.loads(body.frame)["data"])
        self.deltas = {delta["u"]: delta for delta in deltas}

    def advance(self, update: int) -> None:
        """The venue has done all updates up to ``update``."""
        if update <= self.now:
            return
        self.now = update
        delta = self.deltas[update]
        # One that ends with the snapshot may tell of levels below the snapshot's depth.
        if update > self.first or (update == self.first and "pu" in delta):
            for side, levels in ((self._bids, delta["b"]), (self._asks, delta["a"])):
                for price, size in levels:
                    side[price] = size
                    if not size.strip("0."):
                        del side[price]

    def answer(self, asked: RequestSnapshot) -> AnswerReceived:
        last = max(self.now, self.first)
        book = {
            "lastUpdateId": last,
            "bids": sorted(self._bids.items(), key=by_price, reverse=True),
            "asks": sorted(self._asks.items(), key=by_price),
        }
        body = json.dumps(book).encode()
        return AnswerReceived(request=asked.request, status=200, headers=(), body=body)

    def shows(self, loop: Loop) -> bool:
        """Say whether the loop's book is that of the venue now."""
        market = loop.market
        tick, lot = market.scales.tick, market.scales.lot
        return all(
            {tick.count(price): lot.count(size) for price, size in truth.items()}
            == dict(market.book.levels(side))
            for side, truth in ((Side.BUY, self._bids), (Side.SELL, self._asks))
        )


def by_price(level: tuple[str, str]) -> float:
    return float(level[0])


def is_depth(body: object) -> bool:
    return isinstance(body, FrameReceived) and b"@depth" in body.frame[:40]


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- where to damage, no secret


def damage(steps: list[Step], random: Random) -> list[tuple[int, list[Step]]]:
    """Give for each delta the venue's id after it, and what arrives: lost, doubled, late, cut."""
    arrived: list[tuple[int, list[Step]]] = []
    late: Step | None = None
    for at, body in steps:
        if isinstance(body, AnswerReceived):
            continue
        if not isinstance(body, FrameReceived) or not is_depth(body):
            arrived.append((0, [(at, body)]))
            continue
        update = json.loads(body.frame)["data"]["u"]
        step, fault = (at, body), random.random()
        passed: list[Step] = [step]
        if fault < 0.01:
            passed = []
        elif fault < 0.03:
            passed = [step, step]
        elif fault < 0.04:
            passed, late = [], step
        elif fault < 0.05:
            passed = [(at, frame(body.frame[: random.randrange(len(body.frame))]))]
        elif late is not None:
            passed, late = [step, (at, late[1])], None
        arrived.append((update, passed))
    return arrived


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_feed_never_makes_a_wrong_book(
    captured: dict[str, list[Step]], key: str, seed: int
) -> None:
    steps = captured[key]
    truth = Truth(steps)
    loop = Loop(answers=truth.answer)
    checked = 0
    for update, passed in damage(steps, dice(seed)):
        truth.advance(update)
        loop.feed(passed)
        if update and loop.market.synced and loop.market.last_id == update:
            checked += 1
            if checked % 20 == 0 or checked < 20:
                assert truth.shows(loop)
    assert checked > 50
    assert len(loop.said(BookDesynced)) > 5
    assert len(loop.said(BookSynced)) >= len(loop.said(BookDesynced))
    assert loop.market.ticker_different == 0
    assert loop.market.ticker_equal > 0


def test_without_a_snapshot_there_is_never_a_book(captured: dict[str, list[Step]]) -> None:
    loop = Loop()
    for key in KEYS[:1]:
        loop.feed(step for step in captured[key] if not isinstance(step[1], AnswerReceived))
    assert not loop.market.synced
    assert not any(isinstance(event, DepthChanged) for event in loop.events)
    assert len(loop.said(RequestSnapshot)) > 1


def test_a_stream_that_falls_silent_and_comes_back_recovers(
    captured: dict[str, list[Step]],
) -> None:
    steps = captured["spot_ethusdt"]
    truth = Truth(steps)
    loop = Loop(answers=truth.answer)
    first = steps[0][0]
    for at, body in steps:
        if isinstance(body, AnswerReceived):
            continue
        if isinstance(body, FrameReceived) and is_depth(body):
            truth.advance(json.loads(body.frame)["data"]["u"])
            if 10 * 10**9 < at - first < 25 * 10**9:
                continue
        loop.feed([(at, body)])
    reasons = [one.reason.value for one in loop.said(BookDesynced) if isinstance(one, BookDesynced)]
    assert reasons == ["silent"]
    assert loop.market.synced
    assert truth.shows(loop)


@pytest.mark.parametrize("seed", range(24))
def test_no_bytes_make_the_intake_raise_or_show_a_crossed_book(
    captured: dict[str, list[Step]], seed: int
) -> None:
    """Bytes are changed, cut out, doubled and put in at random, in frames and in the snapshot."""
    random = dice(seed)
    key = random.choice(KEYS)
    start = random.randrange(LINES - 400)
    steps = captured[key]
    answers = [step for step in steps if isinstance(step[1], AnswerReceived)]
    loop = Loop()
    for at, body in [*steps[:2], *steps[2:80], *answers, *steps[start : start + 300]]:
        changed = body
        if isinstance(body, FrameReceived) and random.random() < 0.3:
            changed = frame(mutated(body.frame, random))
        elif isinstance(body, AnswerReceived) and random.random() < 0.2:
            changed = msgspec.structs.replace(body, body=mutated(body.body, random))
        loop.step(at, changed)
        market = loop.market
        if market.synced:
            assert not market.book.crossed()
        for side in Side:
            assert all(price > 0 < size for price, size in market.book.top(side, 5))
    assert packed(loop.intake) == msgspec.msgpack.encode(unpacked(packed(loop.intake)))
    for one in loop.out:
        assert decode_body(encode_body(one)) == one


def mutated(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    span = random.randrange(1, 9)
    junk = random.randbytes(span)
    likely = random.choice(
        [b'"', b"-", b"0", b"9", b".", b"e", b"[", b"]", b",", b"}", b"null", b""]
    )
    return random.choice(
        [
            data[:at],
            data[:at] + junk + data[at + span :],
            data[:at] + likely + data[at + 1 :],
            data[:at] + likely + data[at:],
            data[:at] + data[at + span :],
            data[:at] + data[at : at + span] + data[at:],
            data + data,
        ]
    )


def packed(intake: Intake) -> bytes:
    return msgspec.msgpack.encode(intake.carry())


def unpacked(data: bytes) -> IntakeCarried:
    return msgspec.msgpack.decode(data, type=IntakeCarried)


@pytest.mark.parametrize("seed", range(16))
def test_a_carried_intake_goes_on_as_the_first_one_would(
    captured: dict[str, list[Step]], seed: int
) -> None:
    """The inputs of a whole or a damaged session, split anywhere: the same bytes come out after."""
    random = dice(seed)
    key = KEYS[seed % len(KEYS)]
    steps = captured[key][:1_500]
    if seed % 3:
        steps = [step for _, passed in damage(steps, random) for step in passed]
    split = random.randrange(len(steps))
    first = Loop(answers=Truth(captured[key]).answer)
    first.feed(steps)
    inputs = first.inputs
    one, two = Intake(SETTINGS), Intake(SETTINGS)
    outputs: list[list[Output]] = [[], []]
    for number, (at, body) in enumerate(inputs):
        if number == split:
            two.restore(unpacked(packed(one)))
            outputs[0].clear()
            assert packed(two) == packed(one)
        one.on_input(Seq(number), at, body, outputs[0])
        if number >= split:
            two.on_input(Seq(number), at, body, outputs[1])
            assert two.events == one.events
    assert outputs[1] == outputs[0]
    assert packed(two) == packed(one)
