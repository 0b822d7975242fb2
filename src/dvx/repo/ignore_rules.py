"""What Git's ignore rules do to one path: which rule hides it, and what to write so that pointers show again.

Owns the reading of `git check-ignore -v` and the lines that help. Must not write them.
"""

import os
from dataclasses import dataclass

from dvx.core.shell_words import quote
from dvx.repo.git import Git
from dvx.repo.repository import Repository

_FIELDS = 4


@dataclass(frozen=True, slots=True)
class HidingRule:
    """The rule that hides `path`: its file as Git shows it, its line, its text, and the folder it hides as a whole.

    `folder` is None where the rule is about the path itself.
    """

    path: str
    source: str
    line: int
    pattern: str
    folder: str | None

    @property
    def shown(self) -> str:
        """The rule in words."""
        return f"rule `{self.pattern}` in `{self.source}`, line {self.line}"


def find_rule(git: Git, path: str) -> HidingRule | None:
    """Ask Git which rule hides `path` (relative to the root); None where none does. Raises GitError.

    A rule about a folder above decides alone: Git does not look below a folder that is hidden.
    """
    names = path.split("/")
    for count in range(1, len(names) + 1):
        above = "/".join(names[:count])
        rule = _rule_of(git, above, is_folder=count < len(names))
        if rule is not None:
            return HidingRule(path, *rule, above if count < len(names) else None)
    return None


def _rule_of(git: Git, path: str, *, is_folder: bool) -> tuple[str, int, str] | None:
    asked = os.fsencode(path + "/" if is_folder else path)
    answer = git.answer(["check-ignore", "-v", "-z", "--no-index", "--stdin"], input=asked + b"\0")
    fields = answer.split(b"\0")
    if len(fields) < _FIELDS or fields[2].startswith(b"!"):
        return None
    return os.fsdecode(fields[0]), int(fields[1]), os.fsdecode(fields[2])


def hints_for(repository: Repository, rule: HidingRule) -> list[str]:
    """The next steps that make Git see the pointer, computed from the rule that hides it."""
    source = _place_of_lines(rule)
    below = f"{os.path.dirname(source)}/" if os.path.dirname(source) else ""
    if rule.folder is None:
        lines = [f"!/{rule.path[len(below) :]}"]
    else:
        folder = rule.folder[len(below) :]
        # The folder is shown again, then everything in it is hidden but folders and pointers.
        lines = [f"!/{folder}/", f"/{folder}/**", f"!/{folder}/**/", f"!/{folder}/**/*.dvx"]
    words = " ".join(quote(line) for line in lines)
    reason = f"Git does not look into `{rule.folder}`" if rule.folder is not None else "Git hides it"
    return [
        f"{reason}: {rule.shown}",
        "show pointers, and nothing else, with these lines at its end: "
        f"`printf '\\n%s' {words} >> {quote(repository.absolute(source))}`",
    ]


def _place_of_lines(rule: HidingRule) -> str:
    """The file for new lines: that of the rule, or, where it is not in the work tree, the topmost `.gitignore`."""
    is_inside = os.path.basename(rule.source) == ".gitignore" and not os.path.isabs(rule.source)
    return rule.source if is_inside and not rule.source.startswith("..") else ".gitignore"
