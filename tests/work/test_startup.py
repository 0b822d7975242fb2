"""What commands with nothing to do import and start: work, not time. Importing is most of what they take.

A bound that fails means that a command has come to import or start more. If that is intended, the new bound needs a
reason; most often the import belongs into the function that needs it.
"""

from pathlib import Path

import pytest

from dvx.testing.shell import commit, make_repo, must_dvx, run_git
from dvx.testing.work_counts import Work, count_work

# Each takes 1 ms to 300 ms, and looking at data that is as its pointers say needs none of them.
NEVER = {
    "asyncio", "boto3", "botocore", "click", "concurrent.futures", "decimal", "difflib", "filelock", "fractions",
    "gettext", "git", "http", "logging", "multiprocessing", "numpy", "pathlib", "pathspec", "random", "shutil", "ssl",
    "tempfile", "textwrap", "tomlkit", "tomllib", "tqdm", "traceback", "urllib.parse", "uuid",
}  # fmt: skip
# What copies data, and formats that only it needs.
MOVING = {
    "dvx.chunking.encoder", "dvx.ops.direct_pull", "dvx.store.arrivals", "dvx.store.ingest", "dvx.store.pack_copy",
    "dvx.store.pack_sink", "dvx.store.pack_writer", "dvx.store.restore",
}  # fmt: skip
# Modules of dvx, each 0.2 ms to 3 ms.
MOST_MODULES = {"status": 80, "push": 72, "pull": 96, "checkout": 96, "hooks": 85}


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A repository with a file and a directory that are added, committed and pushed."""
    repo = make_repo(tmp_path / "clean", remote=str(tmp_path / "remote"))
    (repo / "model.bin").write_bytes(b"model" * 1000)
    (repo / "data").mkdir()
    for number in range(10):
        (repo / "data" / f"{number}.bin").write_bytes(bytes([number]) * 1000)
    must_dvx(repo, "add", "data", "model.bin")
    commit(repo, "data")
    must_dvx(repo, "push")
    return repo


def lines_of_git(work: Work) -> list[str]:
    """The Git commands that were started: the name of each, such as `ls-files`."""
    assert all(argv[0] == "git" for argv in work.started)
    return [next(arg for arg in argv[1:] if not arg.startswith("-")) for argv in work.started]


def own_modules(work: Work) -> set[str]:
    return {name for name in work.modules if name.partition(".")[0] == "dvx"}


def test_version_imports_next_to_nothing(clean: Path) -> None:
    work = count_work(clean, "--version")
    assert own_modules(work) == {"dvx", "dvx.cli", "dvx.cli.main"}
    assert work.modules.isdisjoint({*NEVER, "dataclasses", "enum", "re", "subprocess", "typing"})
    assert work.started == ()


@pytest.mark.parametrize("args", [("status",), ("push",), ("pull", "data"), ("checkout",)])
def test_command_with_nothing_to_do_imports_nothing_heavy(clean: Path, args: tuple[str, ...]) -> None:
    # What status finds out of files that have just been written is kept the second time.
    must_dvx(clean, "status")
    work = count_work(clean, *args)
    assert work.modules & NEVER == set()
    assert work.modules & MOVING == set()
    assert len(own_modules(work)) <= MOST_MODULES[args[0]]


def test_status_of_clean_data_imports_what_reads_a_listing_and_no_more(clean: Path) -> None:
    must_dvx(clean, "status")
    work = count_work(clean, "status")
    unneeded = {
        "dvx.disk.safe_writes", "dvx.formats.canonical_toml", "dvx.formats.placement", "dvx.repo.remotes",
        "dvx.store.pack_tail", "dvx.store.runs", "dvx.store.transfer", "json", "hashlib",
    }  # fmt: skip
    assert work.modules & unneeded == set()


@pytest.mark.parametrize(
    ("args", "commands"),
    [
        (("status",), ["ls-files", "status"]),
        (("push",), ["ls-files"]),
        (("pull", "data"), ["ls-files"]),
        (("checkout",), ["ls-files"]),
        (("hooks", "run", "pre-commit"), ["ls-files", "diff", "cat-file", "cat-file"]),
        (("hooks", "run", "post-checkout"), ["ls-files", "ls-files"]),
    ],
)
def test_command_with_nothing_to_do_asks_git_as_little_as_it_can(
    clean: Path, args: tuple[str, ...], commands: list[str]
) -> None:
    assert lines_of_git(count_work(clean, *args)) == commands


def test_diff_of_a_path_asks_git_once_whether_it_is_a_revision(clean: Path) -> None:
    asked = lines_of_git(count_work(clean, "diff", "data"))
    plain = lines_of_git(count_work(clean, "diff", "--", "data"))
    assert asked.count("rev-parse") == plain.count("rev-parse") + 1


def test_hooks_import_nothing_heavy(clean: Path) -> None:
    work = count_work(clean, "hooks", "run", "pre-commit")
    assert work.modules & (NEVER | MOVING | {"json"}) == set()
    assert len(own_modules(work)) <= MOST_MODULES["hooks"]


def test_pre_push_without_new_pointers_opens_no_store_and_no_database(clean: Path) -> None:
    head = run_git(clean, "rev-parse", "HEAD").strip()
    run_git(clean, "update-ref", "refs/remotes/origin/main", head)
    work = count_work(
        clean, "hooks", "run", "pre-push", "origin", "address", input=f"refs/heads/main {head} refs/heads/main {head}\n"
    )  # fmt: skip
    assert lines_of_git(work) == ["for-each-ref", "rev-list"]
    assert work.modules & (NEVER | MOVING | {"json", "sqlite3", "dvx.store.store"}) == set()
