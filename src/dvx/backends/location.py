"""Addresses of stores: what `dvx remote add NAME URL` accepts, and the backend that each opens.

Owns the grammar of addresses and the options of a remote. Must not read configuration or the environment.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

from dvx.backends.backend import Backend
from dvx.backends.folder import FolderBackend
from dvx.core.errors import UsageError

if TYPE_CHECKING:
    from dvx.backends.retrying import RetryListener

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# Wider than AWS's rule: older buckets and other servers have capitals and underscores.
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_PREFIX_PART: Final = re.compile(r"[A-Za-z0-9!_.*'()=+@,:-]+")
_MAX_PREFIX_CHARACTERS: Final = 400
# Has no sign by which an address that means something else is told from a folder.
_PLAIN_PATH: Final = re.compile(r"/?[\w.-][\w./-]*")


class OptionSpec(NamedTuple):
    """One option of a remote: its name, the type of its value, and what it means."""

    name: str
    type: type[str] | type[bool]
    meaning: str


RECOGNISED_OPTIONS: Final = (
    OptionSpec("endpoint", str, "URL of an S3-compatible server"),
    OptionSpec("region", str, "region of the bucket"),
    OptionSpec("profile", str, "profile in the AWS configuration files"),
    OptionSpec("addressing", str, "`auto`, `path` or `virtual`: where the bucket stands in the URL"),
    OptionSpec("checksum", str, "`auto`, `when_required` or `when_supported`: checksums sent with uploads"),
    OptionSpec("anonymous", bool, "read a public bucket without credentials"),
    OptionSpec("storage_class", str, "storage class of uploaded objects"),
    OptionSpec("sse", str, "server-side encryption: `AES256` or `aws:kms`"),
    OptionSpec("sse_kms_key_id", str, "key for `aws:kms`"),
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "addressing": ("auto", "path", "virtual"),
    "checksum": ("auto", "when_required", "when_supported"),
}


@dataclass(frozen=True, slots=True)
class Location:
    """A parsed address.

    `url` is its one canonical spelling: `s3://bucket/prefix` without a final slash, or the absolute path of a
    folder. `path` is empty for S3; `bucket` and `prefix` are empty for a folder.
    """

    kind: Literal["folder", "s3"]
    url: str
    path: str = ""
    bucket: str = ""
    prefix: str = ""


def parse_location(url: str, *, base_dir: str) -> Location:
    """Read an address; a relative path counts from `base_dir`.

    Raises UsageError (`bad-location`, `unknown-scheme`) for an unknown scheme, a malformed address, one that is meant
    as something else than the folder it would name, or one that holds secrets.
    """
    if not url.strip() or any(ord(character) < 32 or ord(character) == 127 for character in url):
        raise _refused(url, "it is empty or has control characters")
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match is not None and url == url.strip() else ""
    if scheme == "s3":
        return _parse_s3(url)
    if scheme == "file":
        return _parse_file(url)
    if _PLAIN_PATH.fullmatch(url) is None:
        from dvx.backends.mistaken_address import refuse_mistaken  # 1.7 ms that an ordinary path does without

        refuse_mistaken(url)
    return _folder(url, os.path.join(base_dir, os.path.expanduser(url)))


def open_backend(
    location: Location,
    options: Mapping[str, str | bool],
    *,
    jobs: int,
    deadline_s: float = 300,
    on_retry: "RetryListener | None" = None,
) -> Backend:
    """Return the backend at `location`, for use by up to `jobs` threads; S3 retries up to `deadline_s`.

    No request is made. Raises UsageError for an option that is unknown, has a wrong value or does not apply.
    """
    check_options(location, options)
    if location.kind == "folder":
        # A share that is not mounted must not come into being as a folder of the disk below it.
        return FolderBackend(location.path, makes_parents=False)
    # 10 ms, and a folder has no retries. Only the S3 backend may lead to botocore (160 ms).
    from dvx.backends.retrying import RetryingBackend
    from dvx.backends.s3 import S3Backend
    from dvx.backends.s3_client import S3Options

    connections = jobs + 4  # the threads that list and write records beside the transfers
    values = cast("Mapping[str, object]", dict(options))
    s3_options = S3Options(
        bucket=location.bucket,
        prefix=location.prefix,
        max_connections=connections,
        **values,  # type: ignore[arg-type]  # names and types were checked against RECOGNISED_OPTIONS
    )
    return RetryingBackend(
        S3Backend(s3_options), deadline_s=deadline_s, max_concurrency=connections, on_retry=on_retry
    )


def check_options(location: Location, options: Mapping[str, str | bool]) -> None:
    """Raise UsageError (`bad-option`) unless every option is known, well formed and meant for this kind."""
    known = {spec.name: spec for spec in RECOGNISED_OPTIONS}
    for name, value in options.items():
        spec = known.get(name)
        if spec is None or location.kind != "s3":
            raise UsageError(
                f"a {location.kind} remote has no option `{name}`",
                hints=("options of S3 remotes: " + ", ".join(known),),
                kind="bad-option",
            )
        _check_option(spec, value)


def _check_option(spec: OptionSpec, value: str | bool) -> None:
    choices = _CHOICES.get(spec.name)
    if not isinstance(value, spec.type) or (spec.type is str and not value):
        wanted = "true or false" if spec.type is bool else "a text that is not empty"
        raise UsageError(f"the option `{spec.name}` must be {wanted}", kind="bad-option")
    if choices is not None and value not in choices:
        raise UsageError(
            f"the option `{spec.name}` cannot be {value!r}",
            hints=("use one of " + ", ".join(f"`{choice}`" for choice in choices),),
            kind="bad-option",
        )
    if spec.name == "endpoint":
        _check_endpoint(str(value))


def _check_endpoint(url: str) -> None:
    from urllib.parse import urlsplit  # 2 ms that a path does not need

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise UsageError(
            "the option `endpoint` must be a URL without a user or password",
            hints=("write it like `https://storage.example.com` or `http://127.0.0.1:9000`",),
            kind="bad-option",
        )


def _parse_s3(url: str) -> Location:
    rest = url[len("s3://") :]
    bucket, _, path = rest.partition("/")
    if "@" in bucket or "?" in rest or "#" in rest:
        raise _refused("s3://...", "it must hold only a bucket and a prefix, never credentials or options")
    if not _BUCKET.fullmatch(bucket):
        raise _refused(url, f"`{bucket[:80]}` is not a name of a bucket")
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if not _PREFIX_PART.fullmatch(part) or part in (".", ".."):
            raise _refused(url, f"`{part[:80]}` cannot be part of a prefix")
    prefix = "/".join(parts)
    if len(prefix) > _MAX_PREFIX_CHARACTERS:
        raise _refused(url[:100], f"the prefix is longer than {_MAX_PREFIX_CHARACTERS} characters")
    canonical = f"s3://{bucket}/{prefix}" if prefix else f"s3://{bucket}"
    return Location("s3", canonical, bucket=bucket, prefix=prefix)


def _parse_file(url: str) -> Location:
    from urllib.parse import unquote, urlsplit  # as above

    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not path.startswith("/"):
        raise _refused(url, "a file URL holds an absolute path and no host: `file:///FOLDER`")
    if "\0" in path:
        raise _refused(url, "a path cannot hold a NUL")
    if re.match(r"/[A-Za-z]:(/|$)", path):
        path = path[1:]  # file:///C:/share names C:/share
    return _folder(url, path)


def _folder(url: str, path: str) -> Location:
    absolute = os.path.abspath(path)
    if absolute == os.path.dirname(absolute):
        raise _refused(url, "it is a whole disk", f"name a folder on it: `{os.path.join(absolute, 'dvx')}`")
    return Location("folder", absolute, path=absolute)


def _refused(url: str, why: str, *hints: str) -> UsageError:
    from dvx.backends.mistaken_address import refused  # only where an address is refused

    return refused(url, why, *hints)
