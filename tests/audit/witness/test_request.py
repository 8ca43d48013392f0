"""The body of add-checkpoint, as C2SP tlog-witness prints it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.audit.witness import request
from trading_runtime.audit.witness.request import PROOF_LINES_MAX, Request
from trading_runtime.errors import Misread

EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
""".encode()  # noqa: E501 -- as it stands in the specification


def test_the_example_of_the_specification_is_read() -> None:
    asked = request.read(EXAMPLE)
    assert asked.old_size == 20852014
    assert len(asked.proof) == 4
    assert asked.note.startswith(b"example.com/behind-the-sofa\n20852163\n")
    assert request.write(asked) == EXAMPLE


@given(
    st.builds(
        Request,
        st.integers(0, 2**63 - 1),
        st.lists(st.binary(min_size=32, max_size=32), max_size=PROOF_LINES_MAX).map(tuple),
        st.binary(max_size=200),
    )
)
def test_what_is_written_is_read_back(asked: Request) -> None:
    assert request.read(request.write(asked)) == asked


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        asked = request.read(body)
    except Misread:
        return
    assert request.write(asked) == body


HASH = "A" * 43 + "="


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n",
        b"old 01\n\nnote",
        b"old +1\n\nnote",
        b"old  1\n\nnote",
        b"old -1\n\nnote",
        b"old 1_0\n\nnote",
        b"old 1 \n\nnote",
        b"Old 1\n\nnote",
        b"old 99999999999999999999\n\nnote",
        b"old 1\r\n\nnote",
        f"old 1\n{HASH} \n\nnote".encode(),
        f"old 1\n{HASH[:-1]}\n\nnote".encode(),
        f"old 1\n{'A' * 42}B=\n\nnote".encode(),
        b"old 1\nAAAA\n\nnote",
        ("old 1\n" + f"{HASH}\n" * (PROOF_LINES_MAX + 1) + "\nnote").encode(),
    ],
)
def test_what_is_not_of_the_form_is_refused(body: bytes) -> None:
    with pytest.raises(Misread):
        request.read(body)


def test_a_size_is_read_with_its_newline_alone() -> None:
    assert request.read_size(b"0\n") == 0
    assert request.read_size(b"20852163\n") == 20852163
    for body in (b"", b"1", b"01\n", b"1\n\n", b" 1\n", b"\xff\n"):
        with pytest.raises(Misread):
            request.read_size(body)
