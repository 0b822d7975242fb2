"""Text in Markdown that other people's file names go into.

Owns the escaping: whatever a name is, it shows as itself, calls nobody, and opens no link, cell or tag. Must not know
what the text is about.
"""

import re
from typing import Final

from dvx.cli.output import escape

# A path may have 4 096 characters; beyond this only its two ends are shown.
SHOWN_CHARACTERS: Final = 160
_SIGNS: Final = re.compile(r"[^A-Za-z0-9 /.,=-]|^-|(?<=www)\.")


def code(name: str, *, limit: int = SHOWN_CHARACTERS) -> str:
    """A name as code, the same in a paragraph, in a table and in HTML.

    Everything that could mean something is a character reference, which Markdown never takes for a sign of its own.
    Inside `<code>` hosting sites look for no mentions, issue numbers or commits.
    """
    return f"<code>{_SIGNS.sub(_reference, _shortened(escape(name), limit))}</code>"


def _reference(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}…{text[-half:]}"
