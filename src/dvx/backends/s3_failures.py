"""Which failures to connect last: settings and names that are wrong, not networks that are down for a while.

Owns what TLS, DNS and missing files say, and the words for it. Must not decide about answers of a server.
"""

import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Final

from dvx.core.errors import BackendError, BackendUnreachable, DvxError

# Another attempt meets the same certificate, the same protocol, the same versions.
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
_NO_AGREEMENT: Final = (
    "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "NO_SHARED_CIPHER", "NO_CIPHERS_AVAILABLE",
    "HANDSHAKE_FAILURE", "TLSV1_ALERT", "TLSV13_ALERT", "UNKNOWN_PROTOCOL",
)  # fmt: skip
_NO_SUCH_HOST: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
_MOST_CAUSES: Final = 20


def find_lasting(error: BaseException, *, location: str, text: str) -> DvxError | None:
    """The error for a failure that another attempt would meet again; None for any that may pass.

    `text` is what the library said, for the message.
    """
    causes = list(causes_of(error))
    reason = " ".join(_tls_words(cause) for cause in causes)
    if "CERTIFICATE_VERIFY_FAILED" in reason or any("CertificateError" in type(c).__name__ for c in causes):
        return _tls(
            f"the certificate of {location} is not trusted: {text}",
            "name the file of the certificate authority: `AWS_CA_BUNDLE=FILE dvx ...`",
        )
    if any(word in reason for word in _NOT_TLS):
        return _tls(
            f"the server of {location} does not speak TLS: {text}",
            "write its address with `http://`: `dvx remote list` shows it",
        )
    if any(word in reason for word in _NO_AGREEMENT):
        return _tls(
            f"the server of {location} and this machine have no version of TLS or cipher in common: {text}",
            "see what the server offers: `openssl s_client -connect HOST:PORT`",
        )
    if _is_about_bundle(causes):
        return _tls(
            f"the certificates to compare {location} with cannot be read: {text}",
            "correct the file that AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE names, or `ca_bundle` in the AWS settings",
        )
    if any(isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_HOST for cause in causes):
        return _no_host(location, text)
    return None


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The failure and what it was made of: botocore and urllib3 keep it in fields of their own."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(seen) < _MOST_CAUSES:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or any(found is other for other in seen):
            continue
        seen.append(found)
        yield found
        fields = getattr(found, "kwargs", None)
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
        waiting += list(fields.values()) if isinstance(fields, dict) else []


def _tls_words(error: BaseException) -> str:
    if not isinstance(error, ssl.SSLError) and "SSL" not in type(error).__name__:
        return ""
    return f"{error} {getattr(error, 'reason', '')}".upper().replace(" ", "_")


def _is_about_bundle(causes: Sequence[BaseException]) -> bool:
    """Whether a file of certificates is missing or holds none: OpenSSL names no file when it says so."""
    if any(isinstance(cause, FileNotFoundError | IsADirectoryError | PermissionError) for cause in causes):
        return True
    words = " ".join(_tls_words(cause) for cause in causes)
    return "[X509" in words or "NO_CERTIFICATE_OR_CRL_FOUND" in words


def _tls(what: str, hint: str) -> BackendError:
    return BackendError(what, affected="nothing was transferred", hints=(hint,), kind="tls")


def _no_host(location: str, text: str) -> BackendUnreachable:
    return BackendUnreachable(
        f"there is no host of that name for {location}: {text}",
        affected="nothing was transferred",
        hints=(
            "correct the endpoint: `dvx remote list` shows it",
            "or connect to the network that knows the name, then run the command again",
        ),
        kind="no-host",
    )
