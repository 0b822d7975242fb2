"""Marks at the start of text files: editors on Windows write them, and no format of dvx has a use for them.

Owns what they are and what text they announce. Works on bytes in memory only.
"""

import codecs
from typing import Final

UTF8_MARK: Final = codecs.BOM_UTF8
_OTHERS: Final = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def decode_text(data: bytes) -> str:
    """Return UTF-8 text without the mark. Raises ValueError, in words for a message, for any other text."""
    for mark, name in _OTHERS:
        if data.startswith(mark):
            raise ValueError(f"it is {name} text, and has to be saved as UTF-8")
    return data.removeprefix(UTF8_MARK).decode("utf-8")
