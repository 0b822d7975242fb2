"""Saying where temporary files are written, for the time that they are: a kill leaves them, and the next command looks.

Owns intentions without steps: nothing has to be finished. What a command changes besides is dvx.ops.intentions. Must
stay cheap to import: hooks that Git waits for use it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dvx.ops.project import Project
from dvx.repo.intention_file import remove_intention, write_intention


@contextmanager
def naming_folders(project: Project, command: str, trees: Sequence[str] = ()) -> Iterator[None]:
    """Name `trees`, and the folders of dvx in the Git directory, for the length of the context.

    Call it with the lock of the workspace held. Inside of an intention with steps that is said already.
    """
    if project.has_intention or project.rehearsal is not None:
        yield
        return
    path = project.repository.intention_path
    write_intention(
        path, {"command": [command], "steps": [], "trees": list(trees), "head": ""}, durable=False
    )
    project.has_intention = True
    try:
        yield
    finally:
        project.has_intention = False
        remove_intention(path)
