"""A certificate of our own for the TLS port: some clients refuse to speak without TLS.

Self-signed, for ``localhost`` and the loopback addresses, made anew at each start. A client
trusts it by its PEM file; the private key never leaves the folder that the caller names.
"""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trading_runtime.records.units import NANOS_PER_SECOND

VALID = timedelta(days=30)
LOOPBACK = ("127.0.0.1", "::1")


def write_certificate(folder: Path, now_ns: int) -> tuple[Path, Path]:
    """Make a key and its certificate in ``folder``, valid from an hour before ``now_ns``.

    Gives the paths of the certificate and the key, both PEM; the key has mode 0600.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime.fromtimestamp(now_ns // NANOS_PER_SECOND, tz=UTC) - timedelta(hours=1)
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in LOOPBACK]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


def _usage() -> x509.KeyUsage:
    """It signs handshakes, and itself; strict clients want that said."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Make the TLS side of the server from the two PEM files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
