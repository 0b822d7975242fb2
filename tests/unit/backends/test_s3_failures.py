"""Failures to connect that last end at once, with what is wrong; those that may pass are tried again."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import botocore.exceptions as known
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dvx.backends.backend import NO_CONNECTION, TransientBackendError
from dvx.backends.s3 import S3Backend
from dvx.backends.s3_client import S3Options
from dvx.backends.s3_failures import find_lasting
from dvx.core.errors import DvxError


def make_certificate(path: Path, *names: x509.GeneralName) -> str:
    """A certificate that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return str(path)


class Listener:
    """Takes connections on the loopback interface: with TLS, or with an answer in plain text."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                if self._context is not None:
                    self._context.wrap_socket(connection, server_side=True).close()
                else:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def listeners() -> Iterator[list[Listener]]:
    started: list[Listener] = []
    yield started
    for listener in started:
        listener.close()


def failure(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> DvxError:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(DvxError) as caught:
        S3Backend(S3Options(bucket="bucket", endpoint=endpoint, region="us-east-1")).stat("key")
    return caught.value


def test_plain_server_behind_https_is_named(
    listeners: list[Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners.append(Listener(None))
    error = failure(f"https://127.0.0.1:{listeners[0].port}", monkeypatch)
    assert not isinstance(error, TransientBackendError)
    assert error.kind == "tls"
    assert "`http://`" in error.hints[0]


@pytest.mark.parametrize("is_known", [False, True])
def test_certificate_that_is_unknown_or_of_another_host_is_final(
    listeners: list[Listener], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_known: bool
) -> None:
    own, other = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")), x509.DNSName("elsewhere.example.org")
    names = [other] if is_known else [own]
    file = make_certificate(tmp_path / "pem", *names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    listeners.append(Listener(context))
    if is_known:
        monkeypatch.setenv("AWS_CA_BUNDLE", file)
    error = failure(f"https://127.0.0.1:{listeners[0].port}", monkeypatch)
    assert not isinstance(error, TransientBackendError)
    assert error.kind == "tls"
    assert "is not trusted" in error.what


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_bundle_that_is_missing_or_holds_none_is_final(
    listeners: list[Listener], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    listeners.append(Listener(None))
    if content is not None:
        (tmp_path / "bundle").write_bytes(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "bundle"))
    error = failure(f"https://127.0.0.1:{listeners[0].port}", monkeypatch)
    assert not isinstance(error, TransientBackendError)
    assert error.kind == "tls"
    assert "AWS_CA_BUNDLE" in error.hints[0]


def test_connection_refused_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(f"http://127.0.0.1:{port}", monkeypatch)
    assert isinstance(error, TransientBackendError)
    assert error.kind == NO_CONNECTION


@pytest.mark.parametrize(
    ("code", "lasts"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False), (socket.EAI_FAIL, False)]
)
def test_name_that_nobody_has_lasts_and_a_name_server_that_is_down_does_not(code: int, lasts: bool) -> None:
    error = known.EndpointConnectionError(endpoint_url="http://x", error=socket.gaierror(code, "words"))
    found = find_lasting(error, location="s3://bucket", text="words")
    assert (found is not None) is lasts
    assert found is None or found.kind == "no-host"


def test_certificate_in_the_words_of_a_library_is_found_below_its_wrappers() -> None:
    inner = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    found = find_lasting(known.SSLError(endpoint_url="https://x", error=inner), location="s3://b", text="x")
    assert found is not None
    assert found.kind == "tls"
