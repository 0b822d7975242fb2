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
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from dvx.testing.shell import HANG_S, dvx_environment, read_tree, run_git

ROOT = Path(__file__).resolve().parents[2]
HEADER, TEMPLATE = yaml.safe_load_all(
    (ROOT / "ci" / "gitlab" / "dvx.gitlab-ci.yml").read_text(encoding="utf-8")
)
INPUTS = HEADER["spec"]["inputs"]
JOB = TEMPLATE[".dvx-pull"]
CHECK = TEMPLATE[".dvx-check"]


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


def test_nothing_is_installed_unless_it_is_named(shallow, tmp_path):
    assert INPUTS["version"]["default"] == ""
    (tmp_path / "empty").mkdir()
    done = run_install(shallow, tmp_path / "empty")
    assert done.returncode == 2
    assert "this image has no dvx" in done.stderr


@pytest.mark.parametrize(
    ("version", "requirement"),
    [
        ("git+https://gitlab.example.com/tools/dvx.git@" + "0" * 40,) * 2,
        ("dist/git_dvx-0.1.0-py3-none-any.whl",) * 2,
        ("0.1.0", "git-dvx==0.1.0"),
    ],
)
def test_job_installs_exactly_what_is_named(shallow, programs, tmp_path, version, requirement):
    asked = tmp_path / "asked"
    (programs / "python3").write_text(f"#!/bin/sh\nprintf '%s|' \"$@\" > '{asked}'\n")
    (programs / "python3").chmod(0o755)
    done = run_install(shallow, programs, version=version)
    assert done.returncode == 0, done.stderr
    assert asked.read_text().endswith(f"|--|{requirement}|")


def test_inputs_reach_the_script_through_variables_only():
    for job in (JOB, CHECK):
        assert "$[[" not in json.dumps({**job, "variables": {}, "image": ""})


def run_job(clone, programs, *, shell="sh", script="", job=JOB, env=None, **inputs):
    """Run before_script and script in one shell, as the runner does; returns the process."""
    variables = filled(job["variables"], defaults(version="", **inputs))
    script = "\n".join(job.get("script", [script]))
    lines = "\n".join(["set -eo pipefail" if shell == "bash" else "set -e", *job["before_script"], script])
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    env = dvx_environment({**variables, **(env or {}), "CI": "true", "PATH": path})
    return subprocess.run(
        [shell, "-c", lines], cwd=clone, env=env, capture_output=True, text=True, timeout=HANG_S
    )


def run_install(clone, programs, *, version=""):
    """The first part of before_script only, with nothing on PATH but `programs`."""
    env = dvx_environment({"PULL_VERSION": version, "PATH": str(programs)})
    return subprocess.run(
        ["/bin/sh", "-c", JOB["before_script"][0]],
        cwd=clone,
        env=env,
        capture_output=True,
        text=True,
        timeout=HANG_S,
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


@pytest.fixture
def gated(author, tmp_path):
    """A clone of depth 1 of a commit whose model became larger than a rule allows; and the commit before."""
    before = run_git(author, "rev-parse", "HEAD")
    (author / ".dvx" / "checks.toml").write_text(
        '[checks.size]\npath = "model.bin"\nrule = "size <= base.size - 1"\n'
    )
    run_git(author, "add", ".")
    run_git(author, "commit", "-q", "-m", "rule")
    run_git(tmp_path, "clone", "-q", "--depth=1", author.as_uri(), "gated")
    return tmp_path / "gated", before


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("is_merge_request", [True, False])
def test_check_job_fails_with_reports_that_gitlab_reads(gated, programs, shell, is_merge_request):
    clone, before = gated
    env = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": before} if is_merge_request else {}
    done = run_job(clone, programs, shell=shell, job=CHECK, env=env)
    assert done.returncode == 5, done.stderr
    assert f"size = 120000 in model.bin.dvx in the work tree; base 120000 at {before[:10]}" in done.stdout
    reports = CHECK["artifacts"]["reports"]
    assert "<failure" in (clone / reports["junit"]).read_text()
    families = text_string_to_metric_families((clone / reports["metrics"]).read_text())
    found = {sample.name: sample.value for family in families for sample in family.samples}
    assert (found["dvx_check_passed"], found["dvx_data_size_bytes"]) == (0, 120_000)
    assert CHECK["artifacts"]["when"] == "always"


def test_check_job_takes_the_base_that_is_named_as_a_text(gated, programs, tmp_path):
    clone, before = gated
    done = run_job(clone, programs, job=CHECK, base=f"$(touch {tmp_path}/injected)")
    assert done.returncode == 2
    assert not (tmp_path / "injected").exists()
    assert f"at {before[:10]}" in run_job(clone, programs, job=CHECK, base=before).stdout


def test_check_job_passes_where_the_rules_hold(gated, programs):
    clone, _ = gated
    rules = clone / ".dvx" / "checks.toml"
    rules.write_text(rules.read_text().replace("- 1", "+ 1"))
    assert run_job(clone, programs, job=CHECK).returncode == 0
