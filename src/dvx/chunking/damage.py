"""The error for stored bytes that cannot be decoded. Owns its words; decides nothing."""

from dvx.core.errors import IntegrityError


def corrupt_chunk(reason: str) -> IntegrityError:
    """Make the error for stored bytes that are not what their codec says."""
    return IntegrityError(f"a stored chunk is damaged: {reason}", kind="corrupt-chunk")
