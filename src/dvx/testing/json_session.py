"""A session in which every command prints its JSON document: for the examples in json.md, and for the test of them.

Owns the commands and the small repository that they run in. Runs in this process, in an empty folder.
"""

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dvx.cli.boundary import run_guarded
from dvx.cli.invocation import Invocation
from dvx.cli.output import Output
from dvx.cli.root import cli

_ENVIRONMENT: Final = {
    "GIT_AUTHOR_NAME": "Your Name", "GIT_AUTHOR_EMAIL": "you@example.com", "GIT_AUTHOR_DATE": "2026-01-31T12:00:00Z",
    "GIT_COMMITTER_NAME": "Your Name", "GIT_COMMITTER_EMAIL": "you@example.com",
    "GIT_COMMITTER_DATE": "2026-01-31T12:00:00Z", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}  # fmt: skip
_SHOWN_FOLDER: Final = "/home/you"


class JsonSession:
    """Documents by schema, as they were printed: `documents` has all, `examples` the first of each."""

    def __init__(self, folder: Path) -> None:
        """`folder` is empty and in no repository."""
        self._folder = folder
        self._project = folder / "project"
        self._env = {
            **os.environ,
            **_ENVIRONMENT,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        self.documents: list[Mapping[str, Any]] = []

    def run(self) -> Mapping[str, Mapping[str, Any]]:
        """Run everything and return the examples, without what differs between machines."""
        with _environment(self._env):
            for step in (
                self._set_up,
                self._record,
                self._read,
                self._transfer,
                self._other,
                self._merge,
                self._end,
            ):
                step()
        examples: dict[str, Mapping[str, Any]] = {}
        for document in self.documents:
            examples.setdefault(document["schema"], _steady(document, str(self._folder)))
        return examples

    def _dvx(self, *args: str, at: Path | None = None) -> None:
        """Run one command and keep its document."""
        results = io.StringIO()
        output = Output(results, io.StringIO(), uses_colour=False)
        folder = str(at or self._project)
        invocation = Invocation(env=self._env, folder=folder, output=output, may_ask=False)

        def invoke() -> int:
            return int(cli.main(list(args), prog_name="dvx", standalone_mode=False, obj=invocation) or 0)

        run_guarded(invoke, invocation, args=args)
        if "--json" in args:
            self.documents.append(json.loads(results.getvalue()))

    def _git(self, *args: str) -> None:
        subprocess.run(["git", *args], cwd=self._project, env=self._env, capture_output=True, check=False)

    def _write(self, name: str, text: str) -> None:
        place = self._project / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")

    def _commit(self, message: str) -> None:
        self._git("add", ".")
        self._git("commit", "-q", "-m", message)

    def _set_up(self) -> None:
        self._project.mkdir()
        self._git("init", "-q", "-b", "main")
        self._dvx("init", "--json", "--remote", "../store")
        self._dvx("remote", "add", "backup", "s3://bucket/prefix", "--region", "eu-central-1", "--json")
        for words in ("list", "default origin", "check origin"):
            self._dvx("remote", *words.split(), "--json")
        for words in ("set core.jobs 2", "get core.jobs", "list", "unset core.jobs"):
            self._dvx("config", *words.split(), "--json")
        self._dvx("remote", "remove", "backup", "--json")

    def _record(self) -> None:
        self._write("data/train/cats.csv", "name,age\ntom,3\n")
        self._write("data/train/dogs.csv", "name,age\nrex,5\n")
        self._write("params.yaml", "lr: 0.01\n")
        self._write("metrics.json", '{"acc": 0.91}\n')
        self._write("steps.csv", "step,loss\n1,0.9\n2,0.5\n")
        self._write(
            ".dvx/checks.toml",
            '[checks.accuracy]\npath = "net.bin"\nrule = "metrics.acc > 0.95"\n',
        )
        self._dvx("add", "data/train", "--json")
        self._commit("data")
        self._write("net.bin", "weights of the first net")
        self._dvx("add", "net.bin", "--params", "params.yaml", "--metrics", "metrics.json", "--from", "data/train",
                  "--command", "python train.py", "--push", "--json")  # fmt: skip
        self._commit("net")
        self._dvx("meta", "set", "net.bin", "meta.owner=you", "--json")
        self._commit("owner")
        self._write("data/train/cats.csv", "name,age\ntom,4\n")
        self._write("params.yaml", "lr: 0.02\n")
        self._dvx("status", "--remote", "--json")
        self._dvx("add", "--update", "--json")
        self._write("metrics.json", '{"acc": 0.93}\n')

    def _read(self) -> None:
        for line in (
            "status", "diff", "diff HEAD~1 HEAD", "log", "compare HEAD~1", "params show", "params diff", "metrics show",
            "metrics diff", "ls", "ls data", "ls data/train", "plot steps.csv", "plot net.bin", "lineage net.bin",
            "key", "meta show", "check", "hooks check", "hooks large-files --maxkb 0 --enforce-all net.bin params.yaml",
            "push nothing", "push --unknown", "push --dry-run",
        ):  # fmt: skip
            self._dvx(*line.split(), "--json")
        self._commit("second data")

    def _transfer(self) -> None:
        for line in ("push", "push", "fetch", "checkout", "checkout --rev HEAD~1 data/train", "pull", "pull --no-store",
                     "verify --workspace --remote --sample 1", "verify"):  # fmt: skip
            self._dvx(*line.split(), "--json")
        (self._project / "data/train/dogs.csv").write_text("changed")
        self._dvx("status", "--json")
        self._dvx("verify", "--json")
        self._dvx("checkout", "--force", "--json")
        self._git("reset", "-q", "--hard")

    def _other(self) -> None:
        project = str(self._project)
        self._dvx("get", project, "data/train", "-o", "got", "--json", at=self._folder)
        self._dvx("clone", project, "second", "--json", at=self._folder)
        self._dvx("import", project, "net.bin", "-o", "base.bin", "--json", at=self._folder / "second")
        self._dvx("update", "--json", at=self._folder / "second")

    def _merge(self) -> None:
        self._dvx("checkout", "--force")
        self._git("switch", "-q", "-c", "other")
        for branch, age in (("other", 7), ("main", 9)):
            self._git("switch", "-q", branch)
            self._dvx("checkout", "--force")
            self._write("data/train/cats.csv", f"name,age\ntom,{age}\n")
            self._dvx("add", "data/train")
            self._commit(f"age {age}")
        self._git("merge", "other")
        self._dvx("resolve", "--json")
        self._dvx("resolve", "--ours", "--json")
        self._git("commit", "-q", "-m", "merged")

    def _end(self) -> None:
        for line in ("hooks install", "hooks status", "hooks uninstall", "meta unset net.bin meta.owner",
                     "mv net.bin model.bin", "rm --force model.bin"):  # fmt: skip
            self._dvx(*line.split(), "--json")


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """The variables that Git is started with."""
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _steady(document: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """A document as it would be elsewhere: another folder, another second, another Git."""
    found: dict[str, Any] = json.loads(json.dumps(document).replace(folder, _SHOWN_FOLDER))
    _replace(found, {"seconds": lambda _: 0.1, "git": lambda value: "2.50.1" if value[:1].isdigit() else value,
                     "interpreter": lambda value: value and "/usr/bin/python3"})  # fmt: skip
    return found


def _replace(value: Any, changes: Mapping[str, Callable[[Any], Any]]) -> None:
    if isinstance(value, list):
        for item in value:
            _replace(item, changes)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in changes:
                value[name] = changes[name](item)
            else:
                _replace(item, changes)
