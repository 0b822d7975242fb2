"""Running a page as a reader would: one shell, an empty home directory, Git as it is without any settings.

Owns the environment and the shell. What is compared, and how a page is written anew, is elsewhere.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pages.blocks import Block, Command, Page
from pages.tree import ROOT

# Folders of the reader that pages name, and where each is below the scratch folder.
_PLACES: Final = {"/home/you": "home", "/mnt/share": "share", "/srv": "srv", "/var/lib": "lib"}
# A page that takes longer hangs.
_LIMIT_S: Final = 240
_PERSONAL: Final = ("GIT_", "AWS_", "DVX_", "XDG_", "PYTHON", "PYTEST_", "EMAIL", "CI", "COLUMNS", "NO_COLOR")


@dataclass(frozen=True, slots=True)
class Result:
    """What one command printed, on both streams, and its exit code; None where the shell did not come to it."""

    command: Command
    lines: tuple[str, ...]
    code: int | None


def run_page(page: Page, scratch: Path) -> list[tuple[Block, list[Result]]]:
    """Run all blocks of a page in the empty folder `scratch`; ends at the first command that fails unexpectedly."""
    outputs = scratch / "outputs"
    for name in ("outputs", "tmp", "served", *_PLACES.values()):
        (scratch / name).mkdir(parents=True)
    with _servers(page, scratch) as variables, (outputs / "shell").open("wb") as said:
        env = reader_environment(scratch) | variables
        subprocess.run(
            ["bash", "-c", "\n".join(_script(page, scratch))], cwd=scratch / "home", env=env,
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    return list(_results(page, scratch))


def reader_environment(scratch: Path) -> dict[str, str]:
    """The environment of somebody who has installed dvx and set nothing else."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_PERSONAL)}
    programs = scratch / "programs"
    programs.mkdir()
    # Pages say `python`, which is not on every system.
    modules = {
        "dvx": " -m dvx",
        "git-dvx": " -m dvx",
        "pre-commit": " -m pre_commit",
        "python": "",
        "python3": "",
    }
    for name, module in modules.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        (programs / name).chmod(0o755)
    env["PATH"] = os.pathsep.join([str(programs), env["PATH"]])
    home = str(scratch / "home")
    env |= {"HOME": home, "USERPROFILE": home, "TMPDIR": str(scratch / "tmp"), "LC_ALL": "C.UTF-8"}
    # Settings of the system are not Git's defaults. Unbuffered, because a terminal shows both streams in their order.
    env |= {"GIT_CONFIG_NOSYSTEM": "1", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return env | {"AWS_EC2_METADATA_DISABLED": "true", "CHECKOUT": str(ROOT)}


@contextmanager
def _servers(page: Page, scratch: Path) -> Iterator[dict[str, str]]:
    """The servers that a page needs; yields the variables that lead to them."""
    found: dict[str, str] = {}
    with ExitStack() as running:
        if "git" in page.needs:
            from dvx.testing.git_server import start_git_server  # dvx is not needed to read pages

            found["GIT_SERVER"] = "http://" + running.enter_context(start_git_server(scratch / "served"))
        if "s3" in page.needs:
            from dvx.testing import servers  # brings boto3 in (200 ms)

            server = running.enter_context(servers.start_moto_server())
            servers.create_bucket(server, "my-bucket")
            found |= {**servers.CREDENTIALS_ENVIRONMENT, "AWS_ENDPOINT_URL_S3": server.endpoint}
        yield found


def _script(page: Page, scratch: Path) -> Iterator[str]:
    """Yield the script: each command in this one shell, its output in a file, and its exit code beside it."""
    outputs = scratch / "outputs"
    for number, block in enumerate(page.blocks):
        if block.kind in ("file", "append"):
            yield _write(block, outputs / f"{number}.content")
        for index, command in enumerate(block.commands):
            place = outputs / f"{number}-{index}"
            strict = "set -e\n" if block.kind == "setup" else ""
            text = _located(command.text, scratch)
            yield f"{{ {strict}{text}\n}} >'{place}' 2>&1 </dev/null"
            yield f"code=$?; set +e; echo $code >'{place}.code'"
            if block.kind == "setup" or not block.exit_code:
                yield "[ $code = 0 ] || exit 0"
            else:
                yield f"[ $code = 0 ] || [ $code = {block.exit_code} ] || exit 0"


def _write(block: Block, content: Path) -> str:
    content.write_text(block.content, encoding="utf-8")
    arrow = ">" if block.kind == "file" else ">>"
    return f"mkdir -p \"$(dirname '{block.argument}')\" && cat '{content}' {arrow} '{block.argument}'"


def _located(text: str, scratch: Path) -> str:
    for place, name in _PLACES.items():
        text = re.sub(rf"(?<![\w/.:-]){place}(?![\w-])", str(scratch / name), text)
    return text


def _results(page: Page, scratch: Path) -> Iterator[tuple[Block, list[Result]]]:
    for number, block in enumerate(page.blocks):
        yield (
            block,
            [
                _result(command, scratch / "outputs" / f"{number}-{index}", scratch)
                for index, command in enumerate(block.commands)
            ],
        )


def _result(command: Command, output: Path, scratch: Path) -> Result:
    code = Path(f"{output}.code")
    text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
    # macOS has its temporary folder behind a symbolic link.
    for place, name in _PLACES.items():
        for path in (str((scratch / name).resolve()), str(scratch / name)):
            text = text.replace(path, place)
    lines = tuple(text.replace(str(ROOT), "CHECKOUT").splitlines())
    return Result(command, lines, int(code.read_text()) if code.exists() else None)


def find_bash() -> str | None:
    """Where bash is; pages are not run without it, nor on Windows, whose paths are not those of the pages."""
    return None if os.name == "nt" else shutil.which("bash")
