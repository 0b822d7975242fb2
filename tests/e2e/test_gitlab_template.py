"""The template for GitLab: valid, and its script runs as a runner would, in a clone of depth 1."""

import json
import os
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

import dvx
from dvx.testing.shell import dvx_environment, read_tree, run_git

ROOT = Path(__file__).resolve().parents[2]
HEADER, TEMPLATE = yaml.safe_load_all(
    (ROOT / "ci" / "gitlab" / "dvx.gitlab-ci.yml").read_text(encoding="utf-8")
)
INPUTS = HEADER["spec"]["inputs"]
JOB = TEMPLATE[".dvx-pull"]


def filled(value, inputs):
    """The template with its inputs filled in, as GitLab does before it reads the rest."""
    if isinstance(value, dict):
        return {key: filled(item, inputs) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, inputs) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda match: inputs[match[1]], value)
    return value


def defaults(**inputs):
    return {name: spec["default"] for name, spec in INPUTS.items()} | inputs


@pytest.mark.parametrize("document", [HEADER, filled(TEMPLATE, defaults())], ids=["header", "jobs"])
def test_template_is_valid_by_the_published_schema(document):
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "gitlab-ci.json"
    jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))


def test_default_version_is_this_version():
    assert INPUTS["version"]["default"] == dvx.__version__


def test_inputs_reach_the_script_through_variables_only():
    assert "$[[" not in json.dumps({**JOB, "variables": {}, "image": ""})


def run_job(clone, programs, *, shell="sh", script="", **inputs):
    """Run before_script and script in one shell, as the runner does; returns the process."""
    variables = filled(JOB["variables"], defaults(version="", **inputs))
    lines = "\n".join(["set -eo pipefail" if shell == "bash" else "set -e", *JOB["before_script"], script])
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    env = dvx_environment({**variables, "CI": "true", "PATH": path})
    return subprocess.run(
        [shell, "-c", lines], cwd=clone, env=env, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_job_finds_the_verified_data_and_a_receipt(shallow, programs, tree, model, shell):
    done = run_job(shallow, programs, shell=shell)
    assert done.returncode == 0, done.stderr
    assert read_tree(shallow / "data") == tree
    assert (shallow / "model.bin").read_bytes() == model
    receipt = json.loads((shallow / "dvx-receipt.json").read_text())
    assert receipt["result"] == "verified"
    assert receipt["commit"] == run_git(shallow, "rev-parse", "HEAD")
    assert receipt["dirty"] is False


def test_job_keeps_the_store_where_the_cache_looks_for_it(shallow, programs):
    assert run_job(shallow, programs).returncode == 0
    assert JOB["cache"]["paths"] == [".git/dvx/store"]
    assert list((shallow / ".git/dvx/store/roots").rglob("*"))


def test_targets_with_spaces_and_signs_are_texts(shallow, programs, tmp_path):
    marker = tmp_path / "injected"
    done = run_job(shallow, programs, targets=f"$(touch {marker})\nDVX_TARGETS\n`touch {marker}`\n")
    assert done.returncode != 0
    assert not marker.exists()
    assert run_job(shallow, programs, targets="model.bin\n").returncode == 0
    assert not (shallow / "data").exists()


def test_shell_of_the_job_is_as_it_was(shallow, programs):
    done = run_job(shallow, programs, script='echo "${UNSET_IN_THE_JOB}[$#]"')
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[0]"


def test_job_fails_where_the_remote_lacks_data(shallow, programs, author):
    assert run_job(shallow, programs).returncode == 0
    for pack in (author.parent / "remote" / "packs").rglob("*/*"):
        pack.unlink()
    assert run_job(shallow, programs, verify="remote").returncode == 6
    assert json.loads((shallow / "dvx-receipt.json").read_text())["result"] == "data-missing"
