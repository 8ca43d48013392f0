"""The order of each producer, however a stream shuffled and repeated it."""

from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.audit.streams.ordering import BOOTS_MAX, GAP_WAIT_NS, Given, Ordering
from trading_runtime.audit.streams.source import Delivery
from trading_runtime.evidence.submission import envelope
from trading_runtime.records.units import Nanos


def made(seq: int, boot: str = "b", content: str = "") -> bytes:
    text = f'{{"content":"{content}","producer":{{"boot":"{boot}","id":"p","seq":{seq}}}}}'
    return envelope(text.encode())


def nothing(_producer_id: str, _boot: str) -> int:
    return 0


def seqs(deliveries: list[Delivery]) -> list[int]:
    return [delivery.seq for delivery in deliveries]


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=30).flatmap(
        lambda boots: st.permutations(
            [(boot, boots[:place].count(boot) + 1) for place, boot in enumerate(boots)]
        )
    )
)
def test_any_order_becomes_the_order_of_each_boot(arrivals: list[tuple[str, int]]) -> None:
    ordering = Ordering(nothing)
    given_out = [
        delivery
        for place, (boot, seq) in enumerate(arrivals)
        for delivery in ordering.take(made(seq, boot), place)
    ]
    assert len(given_out) == len(arrivals)
    for boot in {boot for boot, _ in arrivals}:
        mine = [delivery.seq for delivery in given_out if delivery.boot == boot]
        assert mine == list(range(1, len(mine) + 1))
    assert sorted(ordering.committed(found.token for found in given_out)) == list(
        range(len(arrivals))
    )
    assert ordering.tokens() == []


@given(st.lists(st.integers(1, 8), max_size=60))
def test_repetitions_before_the_commit_are_one_delivery(arrivals: list[int]) -> None:
    ordering = Ordering(nothing)
    given_out = [
        delivery
        for place, seq in enumerate(arrivals)
        for delivery in ordering.take(made(seq), place)
    ]
    assert seqs(given_out) == list(range(1, len(given_out) + 1))
    tokens = ordering.committed(delivery.token for delivery in given_out)
    assert tokens == [
        place
        for seq in range(1, len(given_out) + 1)
        for place, found in enumerate(arrivals)
        if found == seq
    ]


def test_a_boot_goes_on_behind_what_the_log_holds() -> None:
    ordering = Ordering(lambda _id, _boot: 5)
    assert seqs(ordering.take(made(7), 1)) == []
    assert seqs(ordering.take(made(6), 2)) == [6, 7]


def test_what_comes_again_after_the_commit_is_given_again() -> None:
    ordering = Ordering(nothing)
    first = ordering.take(made(1), 1)
    ordering.committed([first[0].token])
    assert seqs(ordering.take(made(1), 2)) == [1]


def test_the_same_sequence_with_other_content_is_shown_to_the_log() -> None:
    ordering = Ordering(nothing)
    first = ordering.take(made(1), 1)
    other = ordering.take(made(1, content="other"), 2)
    assert [found.envelope for found in (*first, *other)] == [made(1), made(1, content="other")]


def test_a_gap_is_told_once_after_a_while_and_heals() -> None:
    ordering = Ordering(nothing)
    ordering.take(made(2), 2)
    assert ordering.look(Nanos(0)) == []
    assert ordering.damages() == []
    ordering.look(GAP_WAIT_NS)
    ordering.look(Nanos(2 * GAP_WAIT_NS))
    assert [(found.boot, found.reason) for found in ordering.damages()] == [("b", "missing")]
    assert seqs(ordering.take(made(1), 1)) == [1, 2]
    ordering.look(Nanos(9 * GAP_WAIT_NS))
    assert ordering.damages() == []


def test_what_is_too_much_to_hold_is_dropped_and_told() -> None:
    ordering = Ordering(nothing, held_max=10)
    for seq in range(2, 14):
        assert ordering.take(made(seq), seq) == []
    assert ordering.look(Nanos(0)) == list(range(2, 14))
    assert [found.reason for found in ordering.damages()] == ["missing"]
    assert ordering.look(Nanos(0)) == []
    # It comes again, for its producer has no receipt.
    assert [ordering.take(made(seq), seq) != [] for seq in range(1, 14)] == [True] * 13


def test_what_does_not_read_is_given_to_the_log_at_once() -> None:
    ordering = Ordering(nothing)
    for rubbish in (b"", b"rubbish", envelope(b"{}"), envelope(b'{"producer":7}')):
        found = ordering.take(rubbish, "token")
        assert [(one.envelope, one.seq) for one in found] == [(rubbish, 0)]
        assert ordering.committed([one.token for one in found]) == ["token"]


def test_many_boots_are_forgotten_and_asked_for_again() -> None:
    asked = []

    def place(_producer_id: str, boot: str) -> int:
        asked.append(boot)
        return 0

    ordering = Ordering(place)
    for number in range(BOOTS_MAX + 1):
        found = ordering.take(made(1, str(number)), number)
        assert isinstance(found[0].token, Given)
        ordering.committed([found[0].token])
    ordering.take(made(2, "0"), "token")
    assert asked.count("0") == 2
