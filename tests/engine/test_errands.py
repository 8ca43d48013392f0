"""Questions that are asked until they are answered."""

from trading_runtime.engine.errands import (
    ORDERS_AT_ONCE,
    PAUSE_DOUBLINGS_MAX,
    PAUSE_FIRST,
    Errands,
    Kind,
    pause,
)
from trading_runtime.records.units import Nanos

TIMEOUT = Nanos(1_000)


def asker() -> tuple[Errands, list[str]]:
    return Errands(TIMEOUT), []


def look(errands: Errands, asked: list[str], at: int, quiet_until: int = 0) -> Nanos:
    def ask(errand: object) -> str:
        del errand
        asked.append(f"q-{len(asked)}")
        return asked[-1]

    return errands.look(Nanos(at), Nanos(quiet_until), ask)


def test_one_question_of_a_kind_and_instrument_is_under_way_at_a_time() -> None:
    errands, asked = asker()
    for _ in range(2):
        errands.add(Kind.TRADES, "a")
    errands.add(Kind.TRADES, "b")
    errands.add(Kind.ORDER, "a", "v1")
    errands.add(Kind.ORDER, "a", "v2")
    look(errands, asked, 0)
    assert len(asked) == 4
    look(errands, asked, 1)
    assert len(asked) == 4


def test_what_is_not_answered_in_time_is_asked_again_under_another_name() -> None:
    errands, asked = asker()
    errands.add(Kind.ACCOUNT, "")
    due = look(errands, asked, 0)
    assert due == TIMEOUT + pause(1)
    look(errands, asked, due)
    assert asked == ["q-0", "q-1"]
    assert errands.asked_by("q-0") is None
    assert errands.asked_by("q-1") is not None


def test_a_refusal_is_followed_by_a_pause_that_grows_to_a_bound() -> None:
    errands, asked = asker()
    errands.add(Kind.ACCOUNT, "")
    at, pauses = 0, []
    for _ in range(8):
        look(errands, asked, at)
        errands.unanswered(asked[-1], Nanos(at))
        pauses.append(errands.todo[0].due_at - at)
        at = errands.todo[0].due_at
    assert pauses == sorted(pauses)
    assert pauses[-1] == PAUSE_FIRST << PAUSE_DOUBLINGS_MAX


def test_nothing_is_asked_while_the_venue_wants_quiet() -> None:
    errands, asked = asker()
    errands.add(Kind.ACCOUNT, "")
    assert look(errands, asked, 5, quiet_until=50) == 50
    assert asked == []
    look(errands, asked, 50, quiet_until=50)
    assert len(asked) == 1


def test_an_answer_without_a_name_answers_nothing() -> None:
    errands, _ = asker()
    errands.add(Kind.ACCOUNT, "")
    assert errands.asked_by("") is None


def test_only_a_few_single_orders_are_asked_for_at_once() -> None:
    errands, asked = asker()
    for number in range(20):
        errands.add(Kind.ORDER, "a", f"v{number}")
    errands.add(Kind.ACCOUNT, "")
    look(errands, asked, 0)
    assert len(asked) == ORDERS_AT_ONCE + 1
    errands.done(errands.todo[0])
    look(errands, asked, 1)
    assert len(asked) == ORDERS_AT_ONCE + 2
