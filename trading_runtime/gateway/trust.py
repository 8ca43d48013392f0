"""Whom TLS connections trust."""

import ssl
from pathlib import Path

from trading_runtime.errors import Refused


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the system's authorities, or those in ``ca_file`` alone.

    Raises:
        Refused: when the file cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as fault:
        raise Refused(f"no certificate authority in {ca_file}: {fault}") from fault
