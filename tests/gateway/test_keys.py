"""Keys come in by two doors, both guarded, and never show themselves."""

import copy
import os
import pickle
from pathlib import Path

import pytest

from trading_runtime.errors import Refused
from trading_runtime.gateway.keys import (
    ApiKey,
    KeyFile,
    KeyKind,
    fingerprint,
    installation_salt,
    key_from_environment,
    key_from_file,
)


def key_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_holds_key_secret_and_kind(tmp_path: Path) -> None:
    plain = key_from_file(key_file(tmp_path / "a", 'key = "abc"\nsecret = "s3"\n'))
    assert (plain.key, plain.secret, plain.kind) == ("abc", "s3", KeyKind.HMAC)
    text = 'key = "abc"\nkind = "ed25519"\nsecret = """\n-----BEGIN"""\n'
    assert key_from_file(key_file(tmp_path / "b", text)).kind is KeyKind.ED25519


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path / "a", 'key = "abc"\nsecret = "s3"\n', mode)
    with pytest.raises(Refused, match=f"^key file {path} has mode {mode:04o}, not 0600$"):
        key_from_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'key = "abc"',
        'key = "abc"\nsecret = ""',
        'key = ""\nsecret = "s3cr3t"',
        'key = "a b"\nsecret = "s3cr3t"',
        'key = "abc"\nsecret = "s3cr3t"\nkind = "rsa"',
        'key = "abc"\nsecret = "s3cr3t"\npassphrase = "x"',
        "key = abc\nsecret = s3cr3t",
        'key = "abc"\nsecret = 17',
    ],
)
def test_a_file_that_is_no_key_file_is_refused_without_showing_it(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(Refused) as refusal:
        key_from_file(key_file(tmp_path / "a", text))
    assert "s3cr3t" not in str(refusal.value)
    with pytest.raises(Refused, match="cannot be read"):
        key_from_file(tmp_path / "none")


def test_the_environment_gives_a_key_or_none_but_no_half() -> None:
    given = {"VENUE_KEY": "abc", "VENUE_SECRET": "s3", "OTHER": "x"}
    key = key_from_environment(given, "VENUE")
    assert key is not None
    assert (key.key, key.secret, key.kind) == ("abc", "s3", KeyKind.HMAC)
    assert key_from_environment({"OTHER": "x"}, "VENUE") is None
    for half in ({"VENUE_KEY": "abc"}, {"VENUE_SECRET": "s3cr3t"}, given | {"VENUE_KIND": "rsa"}):
        with pytest.raises(Refused) as refusal:
            key_from_environment(half, "VENUE")
        assert "s3cr3t" not in str(refusal.value)


def test_a_key_never_shows_itself() -> None:
    key = ApiKey("public0", "s3cr3t", KeyKind.HMAC)
    content = KeyFile(key="public0", secret="s3cr3t")  # noqa: S106 -- nobody's
    for text in (repr(key), str(key), f"{[key]}", repr(content), str(content)):
        assert "s3cr3t" not in text
        assert "public0" not in text
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            leak(key)


def test_a_fingerprint_is_the_same_here_and_another_elsewhere() -> None:
    here, there = b"a" * 32, b"b" * 32
    assert fingerprint("key", here) == fingerprint("key", here)
    assert len({fingerprint(key, salt) for key in ("a", "b") for salt in (here, there)}) == 4
    assert len(fingerprint("key", here)) == 16
    assert fingerprint("key", here).isalnum()


def test_the_salt_is_made_once_and_guarded(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "salt"
    salt = installation_salt(path)
    assert len(salt) == 32
    assert installation_salt(path) == salt
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(Refused, match="0644, not 0600"):
        installation_salt(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(Refused, match="has 5 bytes"):
        installation_salt(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be read or made"):
        installation_salt(tmp_path / "file" / "salt")


def test_an_open_umask_makes_no_open_salt(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        installation_salt(tmp_path / "salt")
    finally:
        os.umask(before)
    assert (tmp_path / "salt").stat().st_mode & 0o777 == 0o600
