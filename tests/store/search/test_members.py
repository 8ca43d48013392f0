import gzip
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.search.lines import HOUR, compressed, joined, line, sealed, some
from trading_runtime.errors import Misread
from trading_runtime.records.units import Nanos
from trading_runtime.store.search import members
from trading_runtime.store.search.members import Index, probes_of

LONG = b'{"text":"' + b"x" * (3 << 20) + b'"}'


def compress(plain: Path) -> tuple[Path, Index]:
    gz = plain.with_suffix(".jsonl.gz")
    return gz, members.compress(plain, gz, HOUR.start)


def many(count: int = 9_000) -> list[bytes]:
    """Give about three members of lines."""
    return [
        line(seq, HOUR.start + seq * 10**8, orderId=f"order-{seq}", reason="r" * 200)
        for seq in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"no end",
        joined(some(3)),
        joined(some(3)) + b'{"cut":',
        b"\xff\xfe\n" + joined(some(2)),
        joined([LONG, b"", LONG]),
        joined(many()),
    ],
    ids=["empty", "empty line", "no end", "lines", "cut", "not UTF-8", "giants", "members"],
)
def test_what_is_compressed_inflates_to_the_same_bytes_everywhere(
    tmp_path: Path, content: bytes
) -> None:
    plain = tmp_path / "a.jsonl"
    plain.write_bytes(content)
    gz, index = compress(plain)
    assert gzip.decompress(gz.read_bytes()) == content
    assert subprocess.run(["zcat", gz], capture_output=True, check=True).stdout == content
    assert members.is_whole(plain, gz)
    own = b"".join(members.inflate_member(gz, it) for it in index.members)
    assert own == content
    assert index.lines == sum(it.lines for it in index.members)


def test_members_are_whole_lines_of_about_a_mebibyte(tmp_path: Path) -> None:
    gz, index = compress(sealed(tmp_path, many()))
    assert len(index.members) >= 3
    for it in index.members[:-1]:
        content = members.inflate_member(gz, it)
        assert content.endswith(b"\n")
        assert members.MEMBER_BYTES * 0.9 < it.bytes < members.MEMBER_BYTES * 1.1


def test_ripgrep_reads_every_member(tmp_path: Path) -> None:
    lines = many()
    gz = compressed(tmp_path, lines)
    out = subprocess.run(
        ["rg", "-z", "-N", "-F", "order-8999", gz], capture_output=True, check=True
    ).stdout
    assert out == joined([lines[8998]])


def test_a_rebuild_has_the_same_bytes(tmp_path: Path) -> None:
    plain = sealed(tmp_path, many(4_000))
    gz, _ = compress(plain)
    before = gz.read_bytes(), members.index_path(gz).read_bytes()
    gz.unlink()
    os.utime(plain, (1, 1))
    compress(plain)
    assert (gz.read_bytes(), members.index_path(gz).read_bytes()) == before


def test_what_is_whole_is_left_as_it_is(tmp_path: Path) -> None:
    plain = sealed(tmp_path, some(10))
    gz, _ = compress(plain)
    before = gz.stat().st_mtime_ns, members.index_path(gz).stat().st_mtime_ns
    compress(plain)
    assert (gz.stat().st_mtime_ns, members.index_path(gz).stat().st_mtime_ns) == before


def test_an_index_tells_times_and_facets_of_its_lines(tmp_path: Path) -> None:
    lines = [
        b"cut",
        line(5, HOUR.start + 7_000, "OrderFilled", symbol="A", level="INFO"),
        line(3, HOUR.start + 2_000, "OrderRejected", symbol="B", level="WARN", session="s2"),
        b"cut again",
    ]
    _, index = compress(sealed(tmp_path, lines))
    it = index.members[0]
    assert (it.low, it.high) == (HOUR.start, HOUR.start + 7_000)
    assert (it.lines, it.unreadable) == (4, 2)
    assert (it.levels, it.events) == ({"INFO": 1, "WARN": 1}, ("OrderFilled", "OrderRejected"))
    assert (it.symbols, it.seqs) == (("A", "B"), {"s1": (5, 5), "s2": (3, 3)})


@settings(max_examples=30, deadline=None)
@given(st.sets(st.text(min_size=1), max_size=300), st.text(min_size=1))
def test_a_filter_denies_no_id_that_is_there(identities: set[str], other: str) -> None:
    filters, bits = members.bloom(identities)
    whole = members.Indexed(INDEX, filters)
    member = msgspec.structs.replace(MEMBER, filter_bits=bits)
    assert all(whole.may_hold(member, probes_of(it)) for it in identities)
    if not identities:
        assert not whole.may_hold(member, probes_of(other))


def test_a_filter_denies_nearly_every_other_id() -> None:
    filters, bits = members.bloom({f"here-{it}" for it in range(2_000)})
    member = msgspec.structs.replace(MEMBER, filter_bits=bits)
    whole = members.Indexed(INDEX, filters)
    wrong = sum(whole.may_hold(member, probes_of(f"not-{it}")) for it in range(10_000))
    assert wrong < 100


@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "no index", "torn index"])
def test_a_damaged_file_is_not_whole(tmp_path: Path, damage: str) -> None:
    plain = sealed(tmp_path, many(4_000))
    gz, _ = compress(plain)
    content = bytearray(gz.read_bytes())
    match damage:
        case "flipped":
            content[len(content) // 2] ^= 1
        case "cut":
            del content[-5:]
        case "longer":
            content += content[:40]
        case "no index":
            members.index_path(gz).unlink()
        case "torn index":
            members.index_path(gz).write_bytes(members.index_path(gz).read_bytes()[:100])
    gz.write_bytes(content)
    assert not members.is_whole(plain, gz)
    compress(plain)
    assert members.is_whole(plain, gz)


def test_a_damaged_member_is_no_lines(tmp_path: Path) -> None:
    gz, index = compress(sealed(tmp_path, some(100)))
    content = bytearray(gz.read_bytes())
    content[-6] ^= 1
    gz.write_bytes(content)
    with pytest.raises(Misread):
        members.inflate_member(gz, index.members[0])


def test_a_search_of_compressed_lines_loads_no_arrow() -> None:
    probe = (
        "import sys, trading_runtime.cli.search_command as s\n"
        "print({'pyarrow', 'numpy', 'boto3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


MEMBER = members.Member(
    offset=0,
    size=0,
    bytes=0,
    sha256="",
    lines=0,
    unreadable=0,
    low=Nanos(0),
    high=Nanos(0),
    before=Nanos(0),
    levels={},
    events=(),
    symbols=(),
    seqs={},
    filter_offset=0,
    filter_bits=64,
)
INDEX = Index(
    maker="",
    plain_sha256="",
    plain_bytes=0,
    gz_sha256="",
    gz_bytes=0,
    lines=0,
    members=(MEMBER,),
)
