"""Plain upload or download with boto3. Arguments: upload|download, endpoint, bucket, folder, path in it.

A file moves through boto3's managed transfer, in parts on 8 threads; the files of a directory move 8 at a time.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

THREADS = 8


def main() -> None:
    """Do what the arguments say."""
    verb, endpoint, bucket, top, path = sys.argv[1:]
    settings = Config(
        s3={"addressing_style": "path"},
        max_pool_connections=2 * THREADS,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.client("s3", endpoint_url=endpoint, config=settings)
    if verb == "upload":
        upload(client, bucket, top, path)
    else:
        download(client, bucket, top, path)


def transfer_settings() -> TransferConfig:
    """Parts of 8 MiB (boto3's default) from 16 MiB on; the classic client, not the CRT one."""
    return TransferConfig(
        multipart_threshold=16 * 1024 * 1024, max_concurrency=THREADS, preferred_transfer_client="classic"
    )


def upload(client: Any, bucket: str, top: str, path: str) -> None:
    """Send a file, or every file below a directory."""
    if os.path.isfile(os.path.join(top, path)):
        client.upload_file(os.path.join(top, path), bucket, path, Config=transfer_settings())
        return
    names = [
        os.path.relpath(os.path.join(parent, name), top)
        for parent, _, found in os.walk(os.path.join(top, path))
        for name in found
    ]

    def send(name: str) -> None:
        with open(os.path.join(top, name), "rb") as file:
            client.put_object(Bucket=bucket, Key=name, Body=file)

    each(send, names)


def download(client: Any, bucket: str, top: str, path: str) -> None:
    """Fetch one object, or every object below a prefix."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=path)
    names = [item["Key"] for page in pages for item in page.get("Contents", ())]
    if names == [path]:
        client.download_file(bucket, path, os.path.join(top, path), Config=transfer_settings())
        return
    for below in {os.path.dirname(name) for name in names}:
        os.makedirs(os.path.join(top, below), exist_ok=True)

    def fetch(name: str) -> None:
        body = client.get_object(Bucket=bucket, Key=name)["Body"].read()
        with open(os.path.join(top, name), "wb") as file:
            file.write(body)

    each(fetch, names)


def each(work: Any, names: list[str]) -> None:
    """Call `work` for each name, THREADS at a time; raises the first error."""
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, names):
            pass


if __name__ == "__main__":
    main()
