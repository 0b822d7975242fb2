"""The workflows for GitHub: valid, with no right that a job does not need, and nothing that can move under them."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pages.tree import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def _load(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in loaded.items()}


def _named(name: str) -> dict[Any, Any]:
    return _load(ROOT / ".github" / "workflows" / name)


def _steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_valid_by_the_published_schema(path: Path) -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    jsonschema.validate(_load(path), json.loads(schema.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_of_others_are_pinned_to_a_commit(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text(encoding="utf-8").splitlines()]
    used = [line for line in lines if line.startswith("uses:")]
    assert used
    assert [line for line in used if not _PINNED.match(line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_reads_only_unless_a_job_says_otherwise(path: Path) -> None:
    assert _load(path)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_script_has_an_expression_in_it(path: Path) -> None:
    assert [step["run"] for step in _steps(_load(path)) if "${{" in step.get("run", "")] == []


def test_tests_run_on_three_systems_with_every_python_that_the_project_names() -> None:
    matrix = _named("tests.yml")["jobs"]["checks"]["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["system"]} == {"ubuntu", "macos", "windows"}
    classifiers = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert matrix["python"] == re.findall(r"Programming Language :: Python :: (3\.\d+)", classifiers)


def test_release_starts_from_a_tag_and_publishes_what_was_attested_without_a_password() -> None:
    workflow = _named("release.yml")
    assert workflow["on"] == {"push": {"tags": ["v*"]}}
    jobs = workflow["jobs"]
    build = [step.get("uses", "").split("@")[0] for step in jobs["build"]["steps"]]
    assert build.index("actions/attest-build-provenance") < build.index("actions/upload-artifact")
    assert jobs["index"]["needs"] == "build"
    assert jobs["index"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")


def test_rehearsal_writes_an_entry_into_this_changelog() -> None:
    script = _named("tests.yml")["jobs"]["release"]["steps"][-1]["run"]
    assert r"0,/^## /s//## $version\n\n- A rehearsal.\n\n## /" in script
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count("\n## ") >= 1
