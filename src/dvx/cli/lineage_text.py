"""How lineage reads: a tree of text, a Mermaid flowchart, a graph for Graphviz.

Owns the escaping of names in each of them. Must not decide what was made from what.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from dvx.cli.output import Output, escape
from dvx.core.ids import short_git_id, short_id
from dvx.core.sizes import format_size
from dvx.ops.lineage import DataVersion, Key, Lineage

_MAX_COMMAND: Final = 100
# What Mermaid takes as it is; everything else becomes the number of its character.
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ._/-]")


def tree_lines(lineage: Lineage, output: Output) -> Iterator[str]:
    """The version, then what it was made from and what was made from it, each deeper by one step."""
    start = lineage.versions[lineage.start]
    yield _version_words(start, output)
    yield from (f"  {line}" for line in _source_words(start))
    for title, neighbours in (("made from", lineage.inputs), ("used for", lineage.outputs)):
        if not neighbours.get(lineage.start):
            yield f"{title}: nothing that is recorded"
            continue
        yield f"{title}:"
        yield from _branches(lineage, neighbours, output, with_sources=title == "made from")


def _branches(
    lineage: Lineage, neighbours: dict[Key, list[Key]], output: Output, *, with_sources: bool
) -> Iterator[str]:
    """Depth first. A version that comes again is named, and not unfolded again."""
    seen = {lineage.start}
    waiting = [(key, 1) for key in reversed(neighbours[lineage.start])]
    while waiting:
        key, depth = waiting.pop()
        indent = "  " * depth
        following = neighbours.get(key, [])
        again = key in seen and bool(following)
        yield f"{indent}{_version_words(lineage.versions[key], output)}{'  (see above)' if again else ''}"
        if again:
            continue
        seen.add(key)
        if with_sources:
            yield from (f"{indent}  {line}" for line in _source_words(lineage.versions[key]))
        waiting += [(each, depth + 1) for each in reversed(following)]


def _version_words(version: DataVersion, output: Output) -> str:
    name = output.paint(escape(version.path), "bold")
    digits = short_id(version.key[1])
    if version.pointer is None:
        return f"{name}  {digits}  {output.paint('unknown: no commit here has this version', 'yellow')}"
    return f"{name}  {digits}  {format_size(version.pointer.size)}  {_commit_words(version)}"


def _commit_words(version: DataVersion) -> str:
    commit = version.commit
    if commit is None:
        return "not committed"
    return f"{short_git_id(commit.id)} {_date(commit.time_s)} {escape(commit.subject)}"


def _source_words(version: DataVersion) -> Iterator[str]:
    source = version.source
    if source.command:
        yield f"command: {_cut(escape(source.command))}"
    if source.commit:
        yield f"code: {short_git_id(escape(source.commit))}"


def mermaid_lines(lineage: Lineage) -> Iterator[str]:
    """A flowchart from the left to the right, as GitHub and GitLab draw it in Markdown."""
    yield "flowchart LR"
    names = _node_names(lineage)
    for key, name in names.items():
        label = "<br/>".join(_mermaid_text(line) for line in _label(lineage.versions[key]))
        yield f'    {name}["{label}"]'
    yield from (f"    {names[source]} --> {names[made]}" for source, made in lineage.edges())
    yield f"    style {names[lineage.start]} stroke-width:3px"


def dot_lines(lineage: Lineage) -> Iterator[str]:
    """A graph for `dot -Tsvg`."""
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield "  node [shape=box];"
    names = _node_names(lineage)
    for key, name in names.items():
        label = "\\n".join(_dot_text(line) for line in _label(lineage.versions[key]))
        style = ", penwidth=3" if key == lineage.start else ""
        dashed = ", style=dashed" if lineage.versions[key].pointer is None else ""
        yield f'  {name} [label="{label}"{style}{dashed}];'
    yield from (f"  {names[source]} -> {names[made]};" for source, made in lineage.edges())
    yield "}"


def _node_names(lineage: Lineage) -> dict[Key, str]:
    return {key: f"v{number}" for number, key in enumerate(lineage.versions)}


def _label(version: DataVersion) -> list[str]:
    lines = [escape(version.path), short_id(version.key[1])]
    if version.pointer is None:
        return [*lines, "unknown"]
    return [*lines, short_git_id(version.commit.id) if version.commit is not None else "not committed"]


def _mermaid_text(text: str) -> str:
    return _NOT_PLAIN.sub(lambda sign: f"#{ord(sign[0])};", text)


def _dot_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_COMMAND else text[: _MAX_COMMAND - 1] + "…"


def _date(time_s: int) -> str:
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return "????-??-??"
