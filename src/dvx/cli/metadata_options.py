"""The options that record parameters, metrics, labels and inputs with data.

Owns their spelling and the reading of `KEY=VALUE`. Which tables change is decided in dvx.ops.metadata_of_add.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from dvx.cli.completions import complete_path
from dvx.cli.options import AnyFunction
from dvx.core.errors import PathRefused, UsageError

if TYPE_CHECKING:
    from dvx.ops.metadata_of_add import AskedMetadata
    from dvx.ops.project import Project
    from dvx.repo.value_spec import ValueSpec

_Texts = tuple[str, ...]
_NAMES: Final = ("params_files", "metrics_files", "params", "metrics", "meta", "inputs", "command")
_FILE: Final = "FILE[:KEY,...]"
_OPTIONS: Final[tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...]] = (
    click.option("--params", "params_files", multiple=True, metavar=_FILE,
                 help="Record the parameters that a file or a run folder has. Can be repeated."),
    click.option("--metrics", "metrics_files", multiple=True, metavar=_FILE,
                 help="Record the metrics that a file or a run folder has. Can be repeated."),
    click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Record a parameter."),
    click.option("--metric", "metrics", multiple=True, metavar="KEY=VALUE", help="Record a metric."),
    click.option("--meta", "meta", multiple=True, metavar="KEY=VALUE",
                 help="Record a label, such as licence=MIT."),
    click.option("--from", "inputs", multiple=True, metavar="PATH", type=click.Path(), shell_complete=complete_path,
                 help="Record tracked data that this was made from. Can be repeated."),
    click.option("--command", "command", metavar="TEXT", default="",
                 help="Record the command that made it."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TypedMetadata:
    """What was typed, as text."""

    params_files: _Texts = ()
    metrics_files: _Texts = ()
    params: _Texts = ()
    metrics: _Texts = ()
    meta: _Texts = ()
    inputs: _Texts = ()
    command: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether none of the options was given."""
        return self == TypedMetadata()

    def read(self, project: "Project") -> "AskedMetadata | None":
        """What it means, paths relative to the repository. Raises UsageError for what cannot be recorded."""
        if self.is_empty:
            return None
        from dvx.ops.metadata_of_add import AskedMetadata, checked_values

        if self.command:
            checked_values("source", {"command": self.command})
        return AskedMetadata(
            params_files=tuple(_spec(project, text) for text in self.params_files),
            metrics_files=tuple(_spec(project, text) for text in self.metrics_files),
            params=checked_values("params", pairs(self.params)),
            metrics=checked_values("metrics", pairs(self.metrics)),
            meta=checked_values("meta", pairs(self.meta)),
            inputs=tuple(dict.fromkeys(_data_path(project, path) for path in self.inputs)),
            command=self.command,
        )


def metadata_options(function: AnyFunction) -> AnyFunction:
    """`--params`, `--metrics`, `--param`, `--metric`, `--meta`, `--from`, `--command`, passed as one `typed`."""

    @wraps(function)
    def gather(*args: Any, **named: Any) -> Any:
        typed = TypedMetadata(**{name: named.pop(name) for name in _NAMES})
        return function(*args, typed=typed, **named)

    wrapped: Callable[..., Any] = gather
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def pairs(texts: Sequence[str]) -> dict[str, object]:
    """Read `KEY=VALUE`; a value is what TOML reads in it, else text. Raises UsageError (kind `bad-pair`)."""
    from dvx.repo.value_text import argument_value

    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key or key in found:
            why = "is there twice" if key in found else "is not KEY=VALUE"
            raise UsageError(
                f"{text[:80]!a} {why}", hints=["write for example `lr=0.001` or `name=adam`"], kind="bad-pair"
            )
        found[key] = argument_value(value)
    return found


def _spec(project: "Project", text: str) -> "ValueSpec":
    from dataclasses import replace

    from dvx.repo.value_spec import ValueSpec, parse_spec

    # A file of exactly this name wins over the reading as `FILE:KEY`.
    is_file = os.path.lexists(os.path.join(project.repository.root, project.repository.prefix, text))
    spec = ValueSpec(text) if is_file else parse_spec(text)
    try:
        path = project.repository.relative(spec.path)
    except PathRefused as error:
        if error.kind != "outside-repository":
            raise
        # Metrics may well be written elsewhere; only their values get into the repository.
        typed = os.path.join(project.repository.root, project.repository.prefix, spec.path)
        path = os.path.normpath(typed).replace(os.sep, "/")
    return replace(spec, path=path)


def _data_path(project: "Project", path: str) -> str:
    return project.repository.relative(path).removesuffix(".dvx")
