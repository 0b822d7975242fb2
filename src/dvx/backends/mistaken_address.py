"""Addresses that would be taken for a folder and are meant as something else.

Owns how each is recognised and which spelling is right. Must not look at the disk, and must not refuse a path that
somebody could mean: `./a:b` and `file:///mnt/%24x` name what they say.
"""

import os
import re
from typing import Final

from dvx.core.errors import UsageError

SUPPORTED: Final = "`s3://BUCKET/PREFIX`, `file:///FOLDER` or a path"
_S3_SCHEMES: Final = frozenset({"s3", "s3a", "s3n", "s4", "aws", "minio", "r2"})
_SHELLS: Final = frozenset({"ssh", "sftp", "scp", "rsync", "git", "git+ssh"})
_SHARES: Final = frozenset({"smb", "cifs", "nfs", "webdav", "dav", "davs", "afp"})
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[/\\]*")
_DRIVE: Final = re.compile(r"[A-Za-z]:($|[\\/])")
_BUCKET_HOST: Final = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com", re.IGNORECASE
)
_VARIABLE: Final = re.compile(r"(^|[/\\])\$(\{?[A-Za-z_])|(^|[/\\])%[A-Za-z_]+%")


def refuse_mistaken(url: str, *, is_windows: bool = os.name == "nt") -> None:
    """Raise UsageError (`bad-location`) with the right spelling for an address that is no folder and no URL.

    `url` has no scheme, or one that dvx does not have. Everything else passes.
    """
    if url != url.strip():
        raise refused(url, "it has blanks at its start or end", f"without them: `{url.strip()}`")
    if url[0] in "\"'`" or url[-1] in "\"'`":
        bare = url.strip("\"'`")
        raise refused(url, "its quotes are part of it", f"without them: `{bare}`")
    if _VARIABLE.search(url):
        raise refused(
            url,
            "variables are not replaced in it, since the file it goes to is read on every machine",
            "write the folder out, or `~/FOLDER` for one in your home folder",
        )
    scheme = _SCHEME.match(url)
    if _DRIVE.match(url):
        if not is_windows:
            raise refused(url, "a drive letter means something on Windows only", _folder_here())
    elif "://" in url and scheme is not None:
        raise _unknown_scheme(url, scheme[1].lower())
    elif ":" in url.split("/", 1)[0].split("\\", 1)[0]:
        raise _colon(url, scheme[1].lower() if scheme is not None else "")
    elif not is_windows:
        _check_slashes(url)


def refused(url: str, why: str, *hints: str) -> UsageError:
    """The error for an address that is not one of a store."""
    return UsageError(
        f"not an address of a store: {url[:100]!r}; {why}",
        affected="nothing was changed",
        hints=(*hints, f"an address is {SUPPORTED}"),
        kind="bad-location",
    )


def _check_slashes(url: str) -> None:
    if url.startswith("\\\\") or re.match(r"//[^/]", url):
        raise refused(url, "a share of Windows has no such name here", _folder_here())
    if "\\" in url:
        raise refused(url, "it has backslashes", f"with slashes: `{url.replace(chr(92), '/')}`")
    if url.startswith("~") and os.path.expanduser(url).startswith("~"):
        user = url[1:].split("/", 1)[0]
        raise refused(url, f"there is no user `{user}` here", "your own home folder is `~/FOLDER`")


def _unknown_scheme(url: str, scheme: str) -> UsageError:
    # A name or password before `@` is not repeated.
    rest = url.partition("://")[2].lstrip("/").rpartition("@")[2]
    what = f"dvx does not know the scheme `{scheme}://`"
    if scheme in _S3_SCHEMES:
        hints = [f"write it as `s3://{rest}`"]
    elif scheme in ("gs", "gcs"):
        hints = [f"over its S3 interface: `s3://{rest}` with `--endpoint https://storage.googleapis.com`"]
    elif scheme in ("http", "https"):
        hints = [_as_bucket(scheme, rest)]
    elif scheme in _SHELLS | _SHARES:
        hints = ["mount it, and name the folder: `/mnt/share/dvx`"]
    else:
        hints = []
    return UsageError(
        what,
        affected="nothing was changed",
        hints=(*hints, f"an address is {SUPPORTED}"),
        kind="unknown-scheme",
    )


def _as_bucket(scheme: str, rest: str) -> str:
    host, _, path = rest.partition("/")
    match = _BUCKET_HOST.fullmatch(host)
    if match is not None:
        return f"name the bucket: `s3://{match['bucket']}/{path}`".replace("/`", "`")
    place = path.rstrip("/") or "BUCKET/PREFIX"
    return f"for a server that speaks S3: `s3://{place}` with `--endpoint {scheme}://{host}`"


def _colon(url: str, scheme: str) -> UsageError:
    """Something with a colon before the first slash: a scheme that lacks slashes, or a place behind SSH."""
    rest = _SCHEME.sub("", url, count=1)
    folder = f"for a folder of that name: `./{url}`"
    if scheme in _S3_SCHEMES:
        return refused(url, "the scheme is followed by two slashes", f"write it as `s3://{rest}`")
    if scheme == "file":
        return refused(
            url, "the scheme is followed by three slashes", f"write it as `file:///{rest}`", f"or `/{rest}`"
        )
    if scheme in ("arn", "aws") and ":::" in url:
        return refused(url, "it is a name within AWS", f"name the bucket: `s3://{url.rpartition(':::')[2]}`")
    if scheme in ("http", "https", "gs", "gcs", "azure", "az"):
        return refused(url, "dvx does not know this scheme", f"for a bucket: `s3://{rest}`")
    return refused(
        url,
        "dvx has no remotes on other machines over SSH",
        "mount it, and name the folder: `/mnt/share/dvx`",
        folder,
    )


def _folder_here() -> str:
    return "name the folder that it is mounted at: `/mnt/share/dvx`"
