import msgspec
import pytest

from benchmarks.run import CLOSING, OPENING, README, Result, Row, last_result, rewritten, table

RESULT = Result(
    benchmark="depth",
    how="Five rounds.",
    rows=(Row(what="messages/s", measured="10", target="≥ 3 x", met=True),),
)


def test_only_the_last_line_of_a_script_is_its_result() -> None:
    output = "warming up\n" + msgspec.json.encode(RESULT).decode() + "\n"
    assert last_result(output) == RESULT


@pytest.mark.parametrize("output", ["", "nothing measured\n", '{"rows": 3}\n'])
def test_a_script_that_ends_with_no_result_is_refused(output: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        last_result(output)


def test_the_figures_stand_between_the_markers_and_all_else_is_kept() -> None:
    before = f"above\n{OPENING}\nold\n{CLOSING}\nbelow\n"
    after = rewritten(before, table([RESULT], "Two CPUs."))
    assert "| messages/s | ≥ 3 x | 10 | yes |" in after
    assert "old" not in after
    assert after.startswith("above\n")
    assert after.endswith("\nbelow\n")
    assert rewritten(after, "x") == rewritten(before, "x")


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        rewritten("above", "figures")


def test_the_page_of_figures_has_its_markers() -> None:
    assert rewritten(README.read_text(), "x")
