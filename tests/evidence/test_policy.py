import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.errors import Misread
from trading_runtime.evidence import policy
from trading_runtime.evidence.notes import Kind, SigningKey, Vkey


def witness(name: str) -> Vkey:
    return SigningKey(name, Kind.COSIGNATURE, name.encode().ljust(32)).vkey


LOG = SigningKey("log.example", Kind.ED25519, b"L" * 32).vkey
X1, X2, X3, Y1, Y2, Y3 = WITNESSES = [
    witness(name) for name in ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
]
EXAMPLE = f"""# the example of the specification
log {LOG} https://log.example/

witness X1 {X1}
witness X2 {X2} https://two.example/
\t witness \t X3   {X3} \t
group X-witnesses 2 X1 X2 X3

witness Y1 {Y1}
witness Y2 {Y2}
witness Y3 {Y3}
  # a comment behind blanks
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def refusal(text: str | bytes) -> str:
    with pytest.raises(Misread) as caught:
        policy.parse(text.encode() if isinstance(text, str) else text)
    return str(caught.value)


def test_the_example_of_the_specification_reads() -> None:
    read = policy.parse(EXAMPLE.encode())
    assert read.logs == [LOG]
    assert read.log_urls == {str(LOG): "https://log.example/"}
    assert read.keys() == (X1, X2, X3, Y1, Y2, Y3)
    assert read.witnesses[b"X2"].url == "https://two.example/"
    assert read.witnesses[b"X1"].url == ""


@pytest.mark.parametrize(
    ("cosigners", "met"),
    [
        ((), False),
        ((X1, X2), False),
        ((X1, Y1), False),
        ((Y1, Y2, Y3), False),
        ((X1, X2, Y3), True),
        ((X1, X2, X3, Y1), True),
        ((X1, X3, Y1, Y2), True),
    ],
)
def test_the_quorum_counts_group_by_group(cosigners: tuple[Vkey, ...], met: bool) -> None:  # noqa: FBT001 -- a parameter
    assert policy.parse(EXAMPLE.encode()).met(cosigners) is met


@given(st.sets(st.sampled_from(WITNESSES)))
def test_the_quorum_is_what_the_groups_say(cosigners: set[Vkey]) -> None:
    wanted = len(cosigners & {X1, X2, X3}) >= 2 and bool(cosigners & {Y1, Y2, Y3})
    assert policy.parse(EXAMPLE.encode()).met(cosigners) is wanted


def test_a_single_witness_or_none_may_be_the_quorum() -> None:
    one = policy.parse(f"witness a {X1}\nwitness b {X2}\nquorum a\n".encode())
    assert one.met([X1])
    assert not one.met([X2])
    assert policy.parse(b"quorum none\n").met([])


def test_a_witness_that_the_policy_does_not_name_counts_nothing() -> None:
    read = policy.parse(f"witness a {X1}\nquorum a\n".encode())
    same_key = SigningKey("other", Kind.COSIGNATURE, b"X1".ljust(32)).vkey
    assert not read.met([X2, same_key])


def test_names_are_octets() -> None:
    kelvin = "\u212a"
    read = policy.parse(f"witness K {X1}\nwitness {kelvin} {X2}\nquorum {kelvin}\n".encode())
    assert read.met([X2])
    assert not read.met([X1])
    assert policy.parse(b"witness \xff " + str(X1).encode() + b"\nquorum \xff\n").met([X1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        f"log {LOG}\n",
        "quorum a\n",
        "quorum none",
        "quorum none\r\n",
        "quorum none\x00\n",
        "quorum none\x7f\n",
        "quorum\n",
        "quorum none none\n",
        "quorum none\nquorum none\n",
        "Quorum none\n",
        "# a comment with a \x00\nquorum none\n",
        "# a comment with a \r\nquorum none\n",
        "\n" * 10_001 + "quorum none\n",
        f"quorum a\nwitness a {X1}\n",
        f"log {LOG}\nlog {LOG}\nquorum none\n",
        f"log {LOG} u v\nquorum none\n",
        f"log {X1}\nquorum none\n",
        f"witness a {LOG}\nquorum a\n",
        f"witness a {X1}\nwitness a {X2}\nquorum a\n",
        f"witness a {X1}\nwitness b {X1}\nquorum a\n",
        f"witness none {X1}\nquorum none\n",
        f"witness a {X1} u v\nquorum a\n",
        "witness a\nquorum none\n",
        "witness a not+a+key\nquorum a\n",
        f"witness a {X1}\ngroup a any a\nquorum a\n",
        f"witness a {X1}\ngroup g any\nquorum g\n",
        f"witness a {X1}\ngroup g 0 a\nquorum g\n",
        f"witness a {X1}\ngroup g 2 a\nquorum g\n",
        f"witness a {X1}\ngroup g 01 a\nquorum g\n",
        f"witness a {X1}\ngroup g +1 a\nquorum g\n",
        f"witness a {X1}\ngroup g 1_0 a\nquorum g\n",
        f"witness a {X1}\ngroup g some a\nquorum g\n",
        f"witness a {X1}\ngroup g 1 a a\nquorum g\n",
        f"witness a {X1}\ngroup g any none\nquorum g\n",
        f"witness a {X1}\ngroup g any h\ngroup h any g\nquorum g\n",
        f"witness a {X1}\ngroup g any g\nquorum g\n",
        f"witness a {X1}\ngroup g any a\ngroup h any a\nquorum g\n",
        f"witness a {X1}\ngroup none any a\nquorum none\n",
    ],
)
def test_a_wrong_policy_is_refused(text: str) -> None:
    assert refusal(text).startswith(("policy", "vkey"))


def test_a_key_or_url_that_is_no_text_is_refused() -> None:
    assert "not UTF-8" in refusal(f"log {LOG} ".encode() + b"http://\xff/\nquorum none\n")
    assert "not UTF-8" in refusal(b"log \xff\nquorum none\n")


def test_a_refusal_names_the_line() -> None:
    assert "line 3: " in refusal(f"log {LOG}\n\nlog {LOG}\nquorum none\n")


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    try:
        policy.parse(data)
    except Misread:
        return
