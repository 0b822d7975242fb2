"""Every command that reports something prints one JSON document with a versioned schema."""

import json
import re

import click
import pytest

from dvx.cli.root import COMMANDS, cli
from dvx.testing.shell import commit, make_repo, must_dvx, run_dvx, write_tree

# These write what another program reads, in the form of that program.
_NO_REPORT = {
    "completion",
    "cat",
    "help",
    "textconv",
    "merge-driver",
    "hooks run",
    "hooks check",
    "hooks large-files",
}

# Run one after the other in one repository. The command, and what else has to be typed.
_RUNS = [
    ("init", ["--remote", "../remote"]),
    ("add", ["data", "model.bin"]),
    ("status", []),
    ("diff", []),
    ("ls", []),
    ("push", []),
    ("fetch", []),
    ("pull", []),
    ("checkout", []),
    ("verify", ["--all"]),
    ("key", []),
    ("meta set", ["data", "meta.licence=MIT"]),
    ("meta show", ["data"]),
    ("meta unset", ["data", "meta.licence"]),
    ("mv", ["model.bin", "weights.bin"]),
    ("rm", ["weights.bin"]),
    ("remote add", ["backup", "../backup"]),
    ("remote list", []),
    ("remote check", ["backup"]),
    ("remote default", []),
    ("remote default", ["backup"]),
    ("remote remove", ["backup"]),
    ("config set", ["core.jobs", "2"]),
    ("config get", ["core.jobs"]),
    ("config unset", ["core.jobs"]),
    ("config list", []),
]


def commands():
    """The names of all commands that are no groups."""
    context = click.Context(cli, info_name="dvx")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())
        else:
            yield name, command


REPORTING = {name: command for name, command in commands() if name not in _NO_REPORT}


@pytest.mark.parametrize("name", REPORTING)
def test_command_has_the_option(name):
    assert any("--json" in parameter.opts for parameter in REPORTING[name].params)


def test_every_command_of_this_module_exists():
    assert {name for name, _ in _RUNS} <= set(REPORTING)


def test_each_prints_one_document_with_its_schema_first(tmp_path):
    repo = make_repo(tmp_path / "repo")
    write_tree(repo / "data", {"a": b"a", "b": b"b"})
    (repo / "model.bin").write_bytes(b"model")
    commit_after = {"add", "mv"}
    for name, args in _RUNS:
        ran = must_dvx(repo, *name.split(), *args, "--json")
        document = json.loads(ran.out)
        assert next(iter(document)) == "schema", name
        assert document["schema"] == f"dvx.{name.replace(' ', '-')}/1"
        if name in commit_after:
            commit(repo, name)


def test_documents_of_changes_say_what_was_changed(tmp_path):
    repo = make_repo(tmp_path / "repo")
    document = json.loads(must_dvx(repo, "remote", "add", "o", "s3://bucket/x", "--json").out)
    assert (document["name"], document["url"]) == ("o", "s3://bucket/x")
    document = json.loads(must_dvx(repo, "config", "set", "core.jobs", "3", "--json").out)
    assert (document["key"], document["origin"]) == ("core.jobs", str(repo / ".dvx/config.toml"))
    document = json.loads(must_dvx(repo, "config", "get", "core.jobs", "--json").out)
    assert document["value"] == 3
    (repo / "a").write_bytes(b"a")
    must_dvx(repo, "add", "a")
    document = json.loads(must_dvx(repo, "mv", "a.dvx", "b", "--json").out)
    assert (document["old_path"], document["path"]) == ("a", "b")
    document = json.loads(must_dvx(repo, "rm", "--keep", "b", "--json").out)
    assert (document["paths"], document["removed_files"], document["kept"]) == (["b"], 0, True)


def test_failed_command_prints_the_error_as_its_document(tmp_path):
    repo = make_repo(tmp_path / "repo")
    ran = run_dvx(repo, "config", "get", "no.such", "--json")
    document = json.loads(ran.out)
    assert (ran.code, document["schema"], document["kind"]) == (1, "dvx.error/1", "unknown-setting")
    assert re.search(r"^error: ", ran.err)
