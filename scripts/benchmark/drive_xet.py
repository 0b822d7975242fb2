"""hf-xet against a content store in a folder. Run by the Python of hf-xet's own environment.

Arguments: `hash PATH`, `upload STORE PATH NAMES`, or `download STORE FOLDER NAMES`. The file NAMES is what a
repository would keep: the hash and size of each file.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

hf_xet: Any = import_module("hf_xet")


def main() -> None:
    """Do what the arguments say."""
    verb, *args = sys.argv[1:]
    if verb == "hash":
        hf_xet.hash_files(files_below(args[0]))
    elif verb == "upload":
        upload(*args)
    else:
        download(*args)


def files_below(path: str) -> list[str]:
    """The path itself, or every file below it."""
    if os.path.isfile(path):
        return [path]
    return [os.path.join(parent, name) for parent, _, names in os.walk(path) for name in names]


def upload(store: str, path: str, names: str) -> None:
    """Store every file and note its hash and size."""
    with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{store}") as commit:
        handles = {name: commit.start_upload_file(name) for name in files_below(path)}
    found = {name: handle.result().xet_info for name, handle in handles.items()}
    with open(names, "w", encoding="utf-8") as file:
        json.dump({name: (info.hash, info.file_size) for name, info in found.items()}, file)


def download(store: str, folder: str, names: str) -> None:
    """Bring every noted file into a folder."""
    with open(names, encoding="utf-8") as file:
        found = json.load(file)
    for below in {os.path.dirname(name) for name in found}:
        os.makedirs(os.path.join(folder, below), exist_ok=True)
    with hf_xet.XetSession().new_file_download_group(endpoint=f"local://{store}") as group:
        for name, (digest, size_bytes) in found.items():
            group.start_download_file(hf_xet.XetFileInfo(digest, size_bytes), os.path.join(folder, name))


if __name__ == "__main__":
    main()
