"""The boto3 session behind an S3 client.

Owns how little of botocore is looked through for it. Importing this module imports boto3 (180 ms).
"""

import os

import boto3.session
import botocore.session
from botocore.loaders import Loader


class _FolderLoader(Loader):
    """Reads the descriptions of services, and takes each folder for one.

    botocore's own looks for files in each of 400 folders, twice for a client: 20 ms. It does so to name the services
    that there are when one is asked for that is not.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        """The names of folders where descriptions are looked for."""
        folders = filter(os.path.isdir, self.search_paths)
        return sorted({name for folder in folders for name in os.listdir(folder)})


def make_session(*, profile: str | None, region: str | None) -> boto3.session.Session:
    """Return a session for one thread. What is None comes from the environment and the configuration of AWS."""
    session = botocore.session.Session()
    # AWS_DATA_PATH, for one, is in the paths that botocore has found.
    paths = list(session.get_component("data_loader").search_paths)
    loader = _FolderLoader(extra_search_paths=paths, include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return boto3.session.Session(botocore_session=session, profile_name=profile, region_name=region)
