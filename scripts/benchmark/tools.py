"""The table of tools. Owns their names and order; must not know how any of them is run."""

from collections.abc import Callable
from functools import partial
from typing import Final

from benchmark.dvx_command import DvxCommand
from benchmark.tool import Peers, Tool
from benchmark.tool_backup import make_borg_tool, make_restic_tool
from benchmark.tool_dvc import make_dvc_tool
from benchmark.tool_dvx import make_dvx_tool
from benchmark.tool_lfs import make_lfs_tool
from benchmark.tool_plain import (
    make_boto3_tool,
    make_cp_tool,
    make_obstore_tool,
    make_s5cmd_tool,
    make_xet_tool,
)

TOOLS: Final = ("dvx", "dvc", "git-lfs", "hf-xet", "restic", "borg", "boto3", "s5cmd", "obstore", "cp")

# Steps that store nothing, so that no time of another tool compares with theirs.
HASH_ONLY: Final = frozenset({("hf-xet", "add v1")})
# What has to be known to read the figures of a tool.
NOTES: Final = {
    "git-lfs": "its push to a `file://` remote is a link or a copy on the disk, not an upload",
    "hf-xet": "its store is a local folder; its add only cuts and hashes, its push is the first to store",
    "restic": "its push is a backup, its pull a restore; there is no Git commit or clone in them",
    "borg": "its push is a backup, its pull a restore; there is no Git commit or clone in them",
    "boto3": "plain upload and download, without versions",
    "s5cmd": "plain upload and download, without versions",
    "obstore": "plain upload and download, without versions",
    "cp": "plain copies, without versions",
}


def tool_makers(dvx: DvxCommand, peers: Peers) -> dict[str, Callable[[], Tool]]:
    """For each name in TOOLS a function that returns the tool or raises ToolMissing."""
    return {
        "dvx": partial(make_dvx_tool, dvx),
        "dvc": partial(make_dvc_tool, peers),
        "git-lfs": make_lfs_tool,
        "hf-xet": partial(make_xet_tool, peers),
        "restic": make_restic_tool,
        "borg": make_borg_tool,
        "boto3": make_boto3_tool,
        "s5cmd": partial(make_s5cmd_tool, peers),
        "obstore": partial(make_obstore_tool, peers),
        "cp": make_cp_tool,
    }
