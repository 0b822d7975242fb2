"""The page of promises names tests that are there, and one promise that no other test holds as a whole."""

import ast
import re
from pathlib import Path

import pytest
from pages.tree import ROOT

from dvx.testing.shell import clone, must_dvx, run_dvx, run_git

PAGE = (ROOT / "docs" / "explanation" / "promises.md").read_text(encoding="utf-8")
_HEADING = re.compile(r"^## (P\d): [^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"^- `(tests/[\w/]+\.py)::(\w+)`$", re.MULTILINE)
PROMISES = dict(_HEADING.findall(PAGE))


def test_there_are_eight_promises() -> None:
    assert list(PROMISES) == [f"P{number}" for number in range(1, 9)]


@pytest.mark.parametrize("name", PROMISES)
def test_promise_names_tests_that_exist(name: str) -> None:
    tests = _TEST.findall(PROMISES[name])
    assert len(tests) >= 2
    assert [test for test in tests if not _is_there(*test)] == []


def _is_there(path: str, name: str) -> bool:
    """Whether the module defines or binds this name, which pytest then collects."""
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    defined = {
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    bound = {
        target.id
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return name in defined | bound


def objects(remote: Path) -> dict[str, bytes]:
    """Every object of the remote."""
    files = {path.relative_to(remote).as_posix(): path for path in remote.rglob("*") if path.is_file()}
    return {key: path.read_bytes() for key, path in files.items() if not key.startswith("tmp/")}


def test_no_command_removes_or_changes_an_object_of_a_remote(author: Path, tmp_path: Path) -> None:
    remote = author.parent / "remote"
    kept = objects(remote)
    assert kept
    other = clone(author, tmp_path / "other")
    (author / "data" / "a.bin").write_bytes(b"another version")
    for folder, command in (
        (author, "add data"), (author, "push"), (author, "push --all-refs"), (author, "remote check"),
        (other, "fetch"), (other, "pull"), (other, "checkout --force"), (other, "verify --all"),
        (author, "mv model.bin renamed.bin"), (author, "push"), (author, "rm renamed.bin --keep"), (author, "push"),
        (author, "status --remote"), (author, "checkout --rev HEAD~1 data"), (author, "push"),
    ):  # fmt: skip
        must_dvx(folder, *command.split())
        if folder == author:
            run_git(author, "commit", "--quiet", "--allow-empty", "-m", command)
        found = objects(remote)
        assert {name: found.get(name) for name in kept} == kept, command
        kept = found
    assert run_dvx(author, "gc").code == 2
