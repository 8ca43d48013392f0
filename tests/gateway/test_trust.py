"""Trust is the system's or one file's, and never nobody's."""

import ssl
from pathlib import Path

import pytest

from trading_runtime.errors import Refused
from trading_runtime.gateway.trust import trust


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    for name in ("empty", "none"):
        with pytest.raises(Refused, match="no certificate authority"):
            trust(tmp_path / name)


def test_a_peer_is_always_checked_with_its_name() -> None:
    context = trust(None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
