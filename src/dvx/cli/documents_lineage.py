"""The JSON document of `dvx lineage`.

Owns its fields, which are public: fields may be added, never changed or removed. See dvx.cli.documents.
"""

from dvx.cli.documents import Fields
from dvx.core.ids import format_id
from dvx.ops.lineage import DataVersion, Lineage


def lineage_fields(lineage: Lineage, *, rev: str | None) -> Fields:
    """dvx.lineage/1; `edges` name versions by their place in `versions`, of which the first is the one asked for"""
    places = {key: place for place, key in enumerate(lineage.versions)}
    return {
        "path": lineage.start[0],
        "id": format_id(lineage.start[1]),
        "rev": rev,
        "versions": [_version_fields(version) for version in lineage.versions.values()],
        "edges": [{"input": places[source], "output": places[made]} for source, made in lineage.edges()],
    }


def _version_fields(version: DataVersion) -> Fields:
    pointer, commit, source = version.pointer, version.commit, version.source
    return {
        "path": version.path,
        "id": format_id(version.key[1]),
        "known": pointer is not None,
        "kind": pointer.kind if pointer is not None else None,
        "size": pointer.size if pointer is not None else None,
        "commit": commit.id if commit is not None else None,
        "time": commit.time_s if commit is not None else None,
        "subject": commit.subject if commit is not None else None,
        "command": source.command or None,
        "code_commit": source.commit or None,
    }
