"""Files replaced in one step."""

import os
import socket
import threading
from pathlib import Path

from trading_runtime.journal.durable import make_folder, remove, write_all, write_all_at, write_file


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "place.json"
    write_file(path, b"old" * 100)
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_stump_of_an_earlier_crash_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "place.json"
    path.with_name("place.json.tmp").write_bytes(b"a longer stump")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"


def test_folders_are_made_down_to_the_last(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_what_is_gone_can_be_removed_again(tmp_path: Path) -> None:
    remove(tmp_path / "gone")
    write_file(tmp_path / "there", b"x")
    remove(tmp_path / "there")
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_gone_on_with() -> None:
    sending, receiving = socket.socketpair()
    content = bytes(range(256)) * 10_000
    received: list[bytes] = []

    def receive() -> None:
        while chunk := receiving.recv(65_536):
            received.append(chunk)

    reader = threading.Thread(target=receive)
    reader.start()
    write_all(sending.fileno(), content)
    sending.close()
    reader.join()
    receiving.close()
    assert b"".join(received) == content


def test_bytes_are_written_where_they_belong(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    descriptor = os.open(path, os.O_RDWR)
    write_all_at(descriptor, b"ab", 4)
    os.close(descriptor)
    assert path.read_bytes() == b"0123ab6789"
