"""The Backend contract: what every place that holds objects must do, and the errors it may raise.

Owns the obligations (checked by dvx.testing.contract against every backend), the grammar of keys and the
errors common to all backends. Must not know what the objects mean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from dvx.core.errors import BackendError, BackendUnreachable, IntegrityError, PathRefused
from dvx.core.progress import ByteListener

TEMPORARY_PREFIX: Final = "tmp/"
MAX_KEY_CHARACTERS: Final = 512
# The kind of a TransientBackendError for which no connection was made at all.
NO_CONNECTION: Final = "no-connection"

# Lower case only: on a case-insensitive file system `A` and `a` would be one object. No component starts or
# ends with a dot, so neither `..` nor a name that Windows silently shortens can be spelled.
_COMPONENT = r"[a-z0-9_-](?:[a-z0-9._-]*[a-z0-9_-])?"
_KEY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_PREFIX = re.compile(rf"(?:{_COMPONENT}/)*(?:[a-z0-9_-][a-z0-9._-]*)?")


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What a backend knows about one object.

    `size` is in bytes. `modified_s` is the time of the last change by the clock of the place that holds the
    object, in seconds since the epoch, or None where the place does not tell.
    """

    key: str
    size: int
    modified_s: float | None = None


class ObjectNotFound(BackendError):
    """There is no object under this key."""

    kind = "object-not-found"


class ObjectExists(BackendError):
    """A create-once put found an object under its key; that object was left as it was."""

    kind = "object-exists"


class TransientBackendError(BackendUnreachable):
    """A failure that a later attempt may not meet: no connection, a 5xx answer, a broken body.

    `throttled` says that the place asked for fewer requests. The request may have been carried out although
    it is reported as failed. `most_attempts` bounds how often it is worth trying, where not only time does.
    """

    kind = "transient"

    def __init__(
        self,
        what: str,
        *,
        throttled: bool = False,
        affected: str | None = None,
        kind: str | None = None,
        most_attempts: int | None = None,
    ) -> None:
        super().__init__(what, affected=affected, kind=kind)
        self.throttled = throttled
        self.most_attempts = most_attempts


class Backend(Protocol):
    """Objects (immutable bytes) under keys in one place.

    Keys follow `check_key`. Apart from a few fixed names, keys are random and written once, so no method has
    to care for two writers of one key unless `if_absent` is given.

    Every method may be called from several threads at the same time. Besides the errors named at each
    method, every method may raise CredentialsError, BackendUnreachable (of which TransientBackendError may
    be retried), BackendError, and LocalDiskError where a local disk refuses.
    """

    @property
    def location(self) -> str:
        """The place as messages name it, e.g. `s3://bucket/prefix` or `/mnt/share/dvx`. Never a secret."""

    @property
    def is_local(self) -> bool:
        """Whether ranges are read from a local file system, at no cost for each request."""

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        """Store `data` under `key`.

        Atomic: readers see nothing or all of it. Durable when it returns. Without `if_absent` an existing
        object is replaced. With it, exactly one of any number of concurrent callers succeeds; the others
        get ObjectExists and the first content stays.
        """

    def put_file(
        self, key: str, path: str, *, consume: bool = False, on_bytes: ByteListener | None = None
    ) -> None:
        """Store the content of the local file `path` under `key`; atomic and durable like `put`.

        `on_bytes` is told of bytes as they leave, from the thread of the caller: with success of as many as the file
        has, all in all, and with a failure of none.

        With `consume` the file at `path` is gone after success, and may have been moved instead of copied.
        After a failure it is still there.
        """

    def get(self, key: str, *, max_bytes: int) -> bytes:
        """Return the whole object.

        Raises ObjectNotFound, and IntegrityError (`object-too-large`) for an object larger than `max_bytes`;
        no more than that is held in memory.
        """

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises ObjectNotFound, and IntegrityError (`short-read`) if the object ends before
        `offset + length`. Memory follows the bytes that exist, not `length`.
        """

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """Return the last `min(length, size)` bytes and the size of the object. Raises ObjectNotFound."""

    def download(self, key: str, path: str, *, size: int, on_bytes: ByteListener | None = None) -> None:
        """Write the whole object to `path`, a name for a new file that only the caller uses.

        `on_bytes` is told of bytes as they arrive, as in put_file; after a TransientBackendError, of those that the
        file at `path` has.

        The content is not verified beyond its length: the caller does that before giving the file its final
        name. Raises ObjectNotFound, and IntegrityError (`wrong-size`) if the object has not `size` bytes.
        After a TransientBackendError the file at `path` is absent or holds a prefix of the object; after any
        other error it is absent.
        """

    def download_range(
        self, key: str, path: str, *, offset: int, length: int, on_bytes: ByteListener | None = None
    ) -> None:
        """Write exactly `length` bytes from `offset` to the same place of the existing local file `path`.

        `on_bytes` is told of bytes as they arrive, as in put_file.

        The content is not verified. Raises what `get_range` raises; the place then holds arbitrary bytes.
        Several ranges of one file may be written at the same time.
        """

    def local_path(self, key: str) -> str | None:
        """Return the path of the file that is the object, for reading only; None where objects are no files."""

    def stat(self, key: str) -> ObjectStat | None:
        """Return what is known about the object, or None when there is none."""

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        """Yield the objects whose keys start with `prefix` and are greater than `start_after`, by key.

        `prefix` is any beginning of a key, also one that ends inside a name. Everything that was stored
        before the call and not deleted since is listed; unfinished writes never are.
        """

    def delete(self, key: str) -> None:
        """Remove the object; it is fine if there is none."""

    def close(self) -> None:
        """Release connections and open files. The backend is not used afterwards."""


def check_key(key: str) -> None:
    """Raise PathRefused (`bad-key`) unless `key` is one that every backend can hold.

    Keys are `/`-separated names of `a-z 0-9 . _ -` that do not start or end with a dot, at most 512
    characters; `tmp/` is reserved for unfinished writes of folder backends.
    """
    if len(key) > MAX_KEY_CHARACTERS or not _KEY.fullmatch(key) or key.startswith(TEMPORARY_PREFIX):
        raise PathRefused(f"not a key for an object in a store: {key[:80]!r}", kind="bad-key")


def check_prefix(prefix: str) -> None:
    """Raise PathRefused (`bad-key`) unless `prefix` is empty or the beginning of a valid key."""
    if len(prefix) > MAX_KEY_CHARACTERS or not _PREFIX.fullmatch(prefix):
        raise PathRefused(f"not a prefix of keys in a store: {prefix[:80]!r}", kind="bad-key")


def is_key(key: str) -> bool:
    """Whether `key` is a valid key; foreign files in a place are told from objects by this."""
    return (
        len(key) <= MAX_KEY_CHARACTERS
        and _KEY.fullmatch(key) is not None
        and not key.startswith(TEMPORARY_PREFIX)
    )


def check_range(key: str, *, offset: int, length: int) -> None:
    """Raise IntegrityError (`bad-range`) for a negative offset or length."""
    if offset < 0 or length < 0:
        raise IntegrityError(f"impossible range of `{key}`: {length} bytes at {offset}", kind="bad-range")


def not_found(key: str, location: str) -> ObjectNotFound:
    """Return the error for a key without an object."""
    return ObjectNotFound(f"there is no object `{key}` in {location}")


def already_exists(key: str, location: str) -> ObjectExists:
    """Return the error for a create-once put that lost."""
    return ObjectExists(f"the object `{key}` already exists in {location}", affected="it was left as it was")


def too_large(key: str, *, size: int, max_bytes: int) -> IntegrityError:
    """Return the error for an object that is larger than its reader allows."""
    return IntegrityError(
        f"the object `{key}` has {size} bytes, more than the {max_bytes} that it may have",
        kind="object-too-large",
    )


def short_read(key: str, *, offset: int, length: int, size: int) -> IntegrityError:
    """Return the error for a range that goes beyond the end of its object."""
    return IntegrityError(
        f"the object `{key}` ends at byte {size}, before the end of the {length} bytes wanted at {offset}",
        kind="short-read",
    )


def wrong_size(key: str, *, size: int, expected: int) -> IntegrityError:
    """Return the error for a download of an object of another size."""
    return IntegrityError(
        f"the object `{key}` has {size} bytes instead of {expected}",
        affected="nothing was kept of the download",
        kind="wrong-size",
    )
