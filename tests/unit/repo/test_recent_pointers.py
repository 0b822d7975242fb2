"""repo.recent_pointers: what the newest commits and the staging area have."""

from dvx.repo.recent_pointers import committed_pointers, older_roots
from dvx.testing.workspace import make_repo


def test_older_roots_are_those_of_the_newest_commits_newest_first(tmp_path):
    work = make_repo(tmp_path / "work")
    roots = []
    for number in range(4):
        work.write({"f": b"%d" % number})
        roots.append(work.add("f").added[0].pointer.id)
        work.commit()
    with work.open() as project:
        assert older_roots(project.git, "f.dvx", limit=2) == roots[:0:-1]
        assert older_roots(project.git, "missing.dvx", limit=2) == []


def test_committed_pointers_are_those_of_head_and_the_staging_area(tmp_path):
    work = make_repo(tmp_path / "work")
    work.write({"f": b"1"})
    first = work.add("f").added[0].pointer
    with work.open() as project:
        assert committed_pointers(project.git, "f") == [first]
    work.commit()
    work.write({"f": b"2"})
    second = work.add("f").added[0].pointer
    with work.open() as project:
        assert committed_pointers(project.git, "f") == [first, second]
