"""ops.project: what one command has open."""

import sys

from dvx.testing.workspace import make_repo


def test_open_project_switches_threads_often_and_gives_the_setting_back(tmp_path):
    before = sys.getswitchinterval()
    with make_repo(tmp_path / "work").open():
        assert sys.getswitchinterval() < 0.001
    assert sys.getswitchinterval() == before


def test_older_roots_are_those_of_the_newest_commits_newest_first(tmp_path):
    work = make_repo(tmp_path / "work")
    roots = []
    for number in range(4):
        work.write({"f": b"%d" % number})
        roots.append(work.add("f").added[0].pointer.id)
        work.commit()
    with work.open() as project:
        assert project.older_roots("f.dvx", limit=2) == roots[:0:-1]
        assert project.older_roots("missing.dvx", limit=2) == []


def test_committed_pointers_are_those_of_head_and_the_staging_area(tmp_path):
    work = make_repo(tmp_path / "work")
    work.write({"f": b"1"})
    first = work.add("f").added[0].pointer
    with work.open() as project:
        assert project.committed_pointers("f") == [first]
    work.commit()
    work.write({"f": b"2"})
    second = work.add("f").added[0].pointer
    with work.open() as project:
        assert project.committed_pointers("f") == [first, second]
