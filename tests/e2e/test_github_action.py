"""The composite action for GitHub: valid, and its steps run as a runner would, in a clone of depth 1."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from dvx.testing.shell import HANG_S, dvx_environment, read_tree, run_git

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def test_action_is_valid_by_the_published_schema():
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-actions.json"
    jsonschema.validate(ACTION, json.loads(schema.read_text(encoding="utf-8")))


def test_no_script_has_an_expression_in_it():
    for step in STEPS:
        assert "${{" not in step.get("run", "")
        assert step.get("shell", "bash") == "bash"


def test_scripts_use_nothing_that_bash_3_of_macos_lacks():
    for step in STEPS:
        script = step.get("run", "")
        assert not re.search(r"mapfile|readarray|declare -A|\|&|&>>", script)
        for name in re.findall(r'"\$\{(\w+)\[@\]\}"', script):
            # An empty array is an unset variable to bash 3: it is always filled, or guarded by ${x[@]+...}.
            assert f"{name}+=(--)" in script or f"${{{name}[@]+" in script


@dataclass
class Runner:
    """What GitHub's runner does for a composite action, without the services behind it."""

    clone: Path
    temporary: Path
    env: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[dict] = field(default_factory=list)
    log: str = ""

    def run(self, **inputs):
        """Run all steps; returns the exit code of the first that fails, else 0."""
        self.inputs = {name: spec["default"] for name, spec in ACTION["inputs"].items()} | inputs
        for name in ("output", "path", "summary", "env"):
            (self.temporary / name).write_text("")
        for step in STEPS:
            if "if" in step and not self._holds(step["if"]):
                continue
            if "uses" in step:
                self.used.append({key: self._text(value) for key, value in step["with"].items()})
                continue
            code = self._shell(step)
            if code:
                return code
        return 0

    def _holds(self, condition):
        name, value = re.fullmatch(r"inputs\.(\w+) == '(\w+)'", condition).groups()
        return self.inputs[name] == value

    def _text(self, text):
        return _EXPRESSION.sub(lambda match: self._value(match[1]), text)

    def _value(self, expression):
        if expression == "github.action_path":
            return str(ROOT)
        parts = expression.split(".")
        if parts[0] == "inputs":
            return self.inputs[parts[1]]
        return self.outputs.get(parts[1], {}).get(parts[3], "")

    def _shell(self, step):
        output = self.temporary / "output"
        output.write_text("")
        script = self.temporary / "step.sh"
        script.write_text(step["run"])
        folder = self.clone / self._text(step.get("working-directory", "."))
        path = os.pathsep.join([*reversed((self.temporary / "path").read_text().split()), self.env["PATH"]])
        env = {name: self._text(value) for name, value in step["env"].items()}
        github = {
            "GITHUB_OUTPUT": str(output),
            "GITHUB_PATH": str(self.temporary / "path"),
            "GITHUB_ENV": str(self.temporary / "env"),
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"),
            "RUNNER_TEMP": str(self.temporary),
            "RUNNER_OS": "Linux",
            "CI": "true",
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=folder, env=dvx_environment({**self.env, **github, **env, "PATH": path}),
            capture_output=True, text=True, timeout=HANG_S,
        )  # fmt: skip
        self.log += done.stdout + done.stderr
        lines = output.read_text().splitlines()
        self.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
        return done.returncode

    @property
    def summary(self):
        return (self.temporary / "summary").read_text()

    def receipt(self):
        return json.loads(Path(self.outputs["verify"]["receipt"]).read_text())


@pytest.fixture
def runner(shallow, programs, tmp_path):
    """A runner with dvx on PATH and a clone of depth 1."""
    temporary = tmp_path / "runner"
    temporary.mkdir()
    return Runner(shallow, temporary, {"PATH": os.pathsep.join([str(programs), os.environ["PATH"]])})


def test_action_pulls_verifies_and_leaves_receipt_and_summary(runner, tree, model):
    assert runner.run(version="") == 0, runner.log
    assert read_tree(runner.clone / "data") == tree
    assert (runner.clone / "model.bin").read_bytes() == model
    receipt = runner.receipt()
    assert receipt["commit"] == run_git(runner.clone, "rev-parse", "HEAD")
    assert receipt["result"] == runner.outputs["verify"]["result"] == "verified"
    assert receipt["dirty"] is False
    assert runner.summary.startswith("### Data verified\n")
    assert receipt["commit"] in runner.summary


def test_action_caches_the_store_under_the_key_of_the_data(runner):
    assert runner.run(version="") == 0, runner.log
    (cache,) = runner.used
    key = runner.outputs["key"]["key"]
    assert cache["key"] == key
    assert re.fullmatch(r"dvx-v1-[0-9a-f]{32}", key)
    assert key.startswith(cache["restore-keys"])
    assert cache["restore-keys"] == "dvx-v1-"
    assert Path(cache["path"]) == runner.clone / ".git" / "dvx" / "store"
    assert list(Path(cache["path"], "roots").rglob("*"))


def test_action_without_a_cache_keeps_no_copy_of_the_data(runner, tree):
    assert runner.run(version="", cache="false") == 0, runner.log
    assert runner.used == []
    assert read_tree(runner.clone / "data") == tree
    assert not list((runner.clone / ".git/dvx/store").rglob("roots/*/*/*"))


def test_action_gets_only_the_targets_whatever_is_in_their_names(runner):
    marker = runner.temporary / "injected"
    hostile = f'$(touch {marker})"; touch {marker}; #'
    assert runner.run(version="", targets=f"model.bin\n\n{hostile}\n") != 0
    assert not marker.exists()
    assert runner.run(version="", targets="model.bin\r\n") == 0, runner.log
    assert not (runner.clone / "data").exists()
    assert [item["path"] for item in runner.receipt()["pointers"]] == ["model.bin"]


def test_action_fails_with_the_code_of_verify_and_says_it_in_the_summary(runner, author):
    assert runner.run(version="") == 0, runner.log
    for pack in (author.parent / "remote" / "packs").rglob("*/*"):
        pack.unlink()
    assert runner.run(version="", verify="remote") == 6, runner.log
    assert runner.outputs["verify"]["result"] == "data-missing"
    assert runner.receipt()["result"] == "data-missing"
    assert runner.summary.startswith("### Data is missing on the remote")


def test_action_without_verification_says_so(runner):
    assert runner.run(version="", verify="none") == 0, runner.log
    assert "nothing was verified afterwards" in runner.summary
    assert "receipt" not in runner.outputs["verify"]


@pytest.mark.parametrize(("name", "value"), [("verify", "--help"), ("receipt", "a\nresult=verified")])
def test_action_refuses_inputs_that_make_no_sense(runner, name, value):
    assert runner.run(version="", **{name: value}) == 2
    assert f"::error::the input {name}" in runner.log


def with_rule(author, rule):
    """The tracked file gets a metric, and the repository a rule; returns the commit before."""
    before = run_git(author, "rev-parse", "HEAD")
    pointer = author / "model.bin.dvx"
    pointer.write_text(pointer.read_text() + "\n[metrics]\nacc = 0.91\n")
    (author / ".dvx" / "checks.toml").write_text(f'[checks.accuracy]\npath = "model.bin"\nrule = "{rule}"\n')
    run_git(author, "add", ".")
    run_git(author, "commit", "-q", "-m", "rule")
    return before


def fresh(runner, author):
    """The runner with a new clone of depth 1."""
    run_git(author.parent, "clone", "-q", "--depth=1", author.as_uri(), "fresh")
    runner.clone = author.parent / "fresh"
    return runner


def test_action_checks_rules_before_it_pulls_and_says_so_in_the_summary(runner, author):
    with_rule(author, "metrics.acc >= 0.92")
    runner = fresh(runner, author)
    assert runner.run(version="", check="true") == 5, runner.log
    assert runner.outputs["check"] == {"result": "failed"}
    assert runner.summary.startswith("### Checks failed\n")
    assert "metrics.acc = 0.91" in runner.summary
    assert not (runner.clone / "model.bin").exists()
    assert (runner.temporary / "dvx-check.xml").read_text().count("<failure") == 1


def test_action_without_check_looks_at_no_rule(runner, author):
    with_rule(author, "metrics.acc >= 0.92")
    assert fresh(runner, author).run(version="") == 0, runner.log
    assert "check" not in runner.outputs


def test_action_with_rules_that_hold_goes_on_to_the_data(runner, author, model):
    with_rule(author, "metrics.acc >= 0.9")
    assert fresh(runner, author).run(version="", check="true") == 0, runner.log
    assert runner.outputs["check"] == {"result": "passed"}
    assert runner.summary.startswith("### Checks passed\n")
    assert "### Data verified" in runner.summary
    assert (runner.clone / "model.bin").read_bytes() == model


def test_action_compares_with_the_branch_of_the_pull_request_or_the_commit_before(runner, author):
    before = with_rule(author, "size >= base.size + 1")
    run_git(author, "branch", "release/1", before)
    runner = fresh(runner, author)
    runner.env["GITHUB_BASE_REF"] = "release/1"
    assert runner.run(version="", check="true") == 5, runner.log
    assert f"against {before[:10]}" in runner.summary
    runner.env["GITHUB_BASE_REF"] = ""
    assert runner.run(version="", check="true") == 5, runner.log
    assert f"against {before[:10]}" in runner.summary
    assert runner.run(version="", check="true", base="$(touch injected)") not in (0, 5)
    assert not (runner.clone / "injected").exists()


def test_action_fails_where_the_rules_cannot_be_read(runner):
    assert runner.run(version="", check="true") == 2
    assert "there is no `.dvx/checks.toml`" in runner.log


def test_action_works_in_a_folder_below_the_workspace(runner, tree):
    (runner.clone.parent / "workspace").mkdir()
    runner.clone.rename(runner.clone.parent / "workspace" / "repo")
    (runner.clone.parent / "workspace" / "remote").symlink_to(runner.clone.parent / "remote")
    runner.clone = runner.clone.parent / "workspace"
    assert runner.run(version="", receipt="out/receipt.json", **{"working-directory": "repo"}) == 0, (
        runner.log
    )
    assert read_tree(runner.clone / "repo" / "data") == tree
    assert (runner.clone / "repo" / "out" / "receipt.json").is_file()


@pytest.fixture
def fake_python(runner):
    """A Python whose environments have this dvx, and a pip that writes down what it is asked for."""
    asked = runner.temporary / "asked"
    dvx = Path(runner.env["PATH"].split(os.pathsep)[0], "dvx")
    inner = f'#!/bin/sh\nprintf "%s|" "$@" > "{asked}"\n'
    python = runner.temporary / "fake-python"
    python.write_text(
        "#!/bin/sh\n"
        'mkdir -p "$3/bin"\n'
        f"printf '%s' '{inner}' > \"$3/bin/python\"\n"
        'chmod +x "$3/bin/python"\n'
        f'cp "{dvx}" "$3/bin/dvx"\n'
    )
    python.chmod(0o755)
    return python, asked


@pytest.mark.parametrize(
    ("version", "requirement"),
    [
        ("action", str(ROOT)),
        ("0.1.0", "git-dvx==0.1.0"),
        ("dist/git_dvx.whl", "dist/git_dvx.whl"),
        ("-e .", "-e ."),
    ],
)
def test_install_step_makes_an_environment_and_pins_what_pip_installs(
    runner, fake_python, version, requirement
):
    python, asked = fake_python
    assert runner.run(version=version, python=str(python)) == 0, runner.log
    assert asked.read_text().endswith(f"|--|{requirement}|")
    assert (runner.temporary / "path").read_text() == f"{runner.temporary}/dvx-venv/bin\n"


def test_dvx_is_installed_from_the_checkout_of_the_action_unless_a_version_is_named(runner, fake_python):
    python, asked = fake_python
    # In a job with a container only the variable has the path that is valid inside.
    runner.env["GITHUB_ACTION_PATH"] = "/__w/_actions/team/dvx/v1"
    assert runner.run(python=str(python)) == 0, runner.log
    assert asked.read_text().endswith("|--|/__w/_actions/team/dvx/v1|")
