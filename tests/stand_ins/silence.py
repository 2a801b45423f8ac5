"""A server that takes requests and never answers, as AWS does when a network breaks."""

import ipaddress
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.stand_ins.http import Handler, serving


@dataclass
class Silence:
    url: str = ""
    asked: threading.Event = field(default_factory=threading.Event)
    """Set when a request has arrived."""
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def silence(certificate: Path | None = None) -> Generator[Silence]:
    """A silent server; with TLS if a file for its own *certificate* is given."""
    silent = Silence()

    class Mute(Handler):
        def do_POST(self) -> None:
            self.body()
            silent.asked.set()
            silent.over.wait(30)

    with serving(Mute, tls=_tls(certificate) if certificate else None) as url:
        silent.url = url
        try:
            yield silent
        finally:
            silent.over.set()


def _tls(path: Path) -> ssl.SSLContext:
    """Write key and certificate of 127.0.0.1 to *path*, which serves as the client's CA bundle too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
