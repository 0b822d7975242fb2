"""Plain upload or download with obstore. Arguments: upload|download, endpoint, bucket, folder, path in it.

Run by the Python of obstore's own environment. A large file moves in parts, the files of a directory many at a
time; both are done by obstore's own threads.
"""

import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

AT_ONCE = 32
PART_BYTES = 16 * 1024 * 1024

obstore: Any = import_module("obstore")


def main() -> None:
    """Do what the arguments say."""
    verb, endpoint, bucket, top, path = sys.argv[1:]
    store = import_module("obstore.store").S3Store(
        bucket, endpoint=endpoint, region="us-east-1", virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )  # fmt: skip
    asyncio.run(upload(store, top, path) if verb == "upload" else download(store, top, path))
    # Every file is closed. obstore 0.12 aborted in 11 of 60 runs while Python shut down after a finished download.
    os._exit(0)


async def upload(store: Any, top: str, path: str) -> None:
    """Send a file, or every file below a directory."""
    if os.path.isfile(os.path.join(top, path)):
        await obstore.put_async(
            store, path, Path(top, path), chunk_size=PART_BYTES, max_concurrency=8, use_multipart=True
        )
        return
    names = [
        os.path.relpath(os.path.join(parent, name), top)
        for parent, _, found in os.walk(os.path.join(top, path))
        for name in found
    ]

    async def send(name: str) -> None:
        with open(os.path.join(top, name), "rb") as file:
            content = file.read()
        await obstore.put_async(store, name, content, use_multipart=False)

    await each(send, names)


async def download(store: Any, top: str, path: str) -> None:
    """Fetch one object, or every object below a prefix."""
    names = [item["path"] for page in obstore.list(store, prefix=path) for item in page]
    if not names:
        await fetch_large(store, top, path)
        return
    for below in {os.path.dirname(name) for name in names}:
        os.makedirs(os.path.join(top, below), exist_ok=True)

    async def fetch(name: str) -> None:
        content = await (await obstore.get_async(store, name)).bytes_async()
        with open(os.path.join(top, name), "wb") as file:
            file.write(content)

    await each(fetch, names)


async def fetch_large(store: Any, top: str, path: str) -> None:
    """One object as a stream."""
    found = await obstore.get_async(store, path)
    with open(os.path.join(top, path), "wb") as file:
        async for block in found.stream(min_chunk_size=PART_BYTES // 4):
            file.write(block)


async def each(work: Any, names: list[str]) -> None:
    """Await `work` for each name, AT_ONCE at a time; raises the first error."""
    left = iter(names)

    async def worker() -> None:
        for name in left:
            await work(name)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    main()
