"""Verifying a workspace and a remote: every way in which data can be wrong has its own word and exit code."""

import os
import time

import pytest

from dvx.core.errors import FormatError, NotFound
from dvx.core.ids import hash_bytes
from dvx.ops.verify import Outcome, Scope, verify
from dvx.ops.verify_workspace import Deviation
from dvx.repo.stat_cache import StatRow
from dvx.store.presence import PresenceState
from dvx.store.sampling import Sample
from dvx.testing.faults import flip_bit
from dvx.testing.workspace import clone_repo, make_repo, store_objects

EVERYTHING = Sample(None, 1.0, 0)


@pytest.fixture
def work(tmp_path):
    work = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    work.write({f"data/{i:02d}": os.urandom(3000 + i) for i in range(20)})
    work.write({"data/link": "-> 00", "model.bin": os.urandom(400_000)})
    work.add("data", "model.bin")
    work.commit()
    work.push()
    return work


def check(work, **scope):
    with work.open() as project:
        return verify(project, Scope(**scope))


def deviations(report):
    return {path: kind for found in report.workspace for path, kind in found.deviations.items()}


# The workspace


def test_untouched_workspace_is_verified_with_every_file_counted(work):
    report = check(work)
    assert report.outcome is Outcome.VERIFIED
    assert report.remote is None
    assert report.commit == work.git("rev-parse", "HEAD").strip()
    assert not report.is_dirty
    assert [(found.tracked.path, found.files) for found in report.workspace] == [
        ("data", 21),
        ("model.bin", 1),
    ]
    assert sum(found.size_bytes for found in report.workspace) == 20 * 3000 + 190 + 2 + 400_000


def test_each_deviation_has_its_own_word(work):
    work.remove("data/00")
    work.write({"data/new": b"x", "data/01": b"another length"})
    place = work.path("data/02")
    with open(place, "r+b") as file:
        file.write(b"same length")
    os.chmod(work.path("data/03"), 0o755)
    work.remove("data/04")
    os.symlink("00", work.path("data/04"))
    work.remove("data/05")
    os.mkdir(work.path("data/05"))
    report = check(work)
    assert report.outcome is Outcome.DIFFERS
    assert deviations(report) == {
        "data/00": Deviation.MISSING,
        "data/01": Deviation.MODIFIED,
        "data/02": Deviation.MODIFIED,
        "data/03": Deviation.WRONG_MODE,
        "data/04": Deviation.WRONG_KIND,
        "data/05": Deviation.WRONG_KIND,
        "data/new": Deviation.EXTRA,
    }


def hide_change(work, path):
    """Change the content of a file as if clock and file system hid that it was changed."""
    time.sleep(0.05)  # what is looked at from now on is kept
    old_id = hash_bytes(work.read(path))
    with open(work.path(path), "r+b") as file:
        file.write(b"\x00\x01\x02")
    now = os.stat(work.path(path))
    with work.open() as project:
        lie = StatRow(now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino, "file", old_id)
        project.stat_cache.store([(path, lie)], observed_ns=now.st_ctime_ns + 10**9)


def test_change_that_the_stat_cache_cannot_see_is_found_and_status_knows_it_afterwards(work):
    hide_change(work, "data/07")
    assert work.status().is_clean
    assert deviations(check(work)) == {"data/07": Deviation.MODIFIED}
    assert not work.status().is_clean


def test_status_knows_a_hidden_change_afterwards_though_the_page_was_marked_as_unchanged(tmp_path):
    work = make_repo(tmp_path / "work")
    work.write({f"data/{number:04d}": b"%d" % number for number in range(1500)})
    work.add("data")
    hide_change(work, "data/0700")
    assert work.status().is_clean
    assert work.status().is_clean
    with work.open() as project:
        assert len(project.stat_cache.marks("data")) > 1
    assert deviations(check(work)) == {"data/0700": Deviation.MODIFIED}
    assert not work.status().is_clean


def test_path_that_is_not_checked_out_is_one_missing_path(work):
    work.remove("data")
    assert deviations(check(work)) == {"data": Deviation.MISSING}


def test_target_inside_a_directory_looks_only_there(work):
    work.remove("data/00")
    work.remove("data/01")
    assert deviations(check(work, targets=["data/01"])) == {"data/01": Deviation.MISSING}
    assert check(work, targets=["data/02", "model.bin"]).outcome is Outcome.VERIFIED


@pytest.mark.parametrize("scope", [{}, {"rev": "HEAD"}, {"remote": True, "workspace": False}])
def test_target_that_nobody_has_is_an_error_and_not_verified(work, scope):
    with pytest.raises(NotFound, match="nothing is at `data/99`"):
        check(work, targets=("data/01", "data/99"), **scope)
    work.remove("data/01")
    with pytest.raises(NotFound, match=r"nothing is at `data/9\*`"):
        check(work, targets=("data/01", "data/9*"), **scope)


def test_what_dvx_cannot_track_is_a_difference_of_its_directory_only(work):
    os.mkfifo(work.path("data/pipe"))
    os.unlink(work.path("model.bin"))
    report = check(work)
    assert report.outcome is Outcome.DIFFERS
    assert "named pipe" in report.workspace[0].problem
    assert deviations(report) == {"model.bin": Deviation.MISSING}


def test_ignored_files_are_not_extra(work):
    work.write({"data/.cache/x": b"x", ".dvxignore": b".cache/\n"})
    assert check(work).outcome is Outcome.VERIFIED


def test_revision_is_compared_with_the_workspace_where_that_is_asked_for(work):
    old = work.git("rev-parse", "HEAD").strip()
    work.write({"data/new": b"x"})
    work.add("data")
    work.commit()
    assert check(work, rev="HEAD").outcome is Outcome.VERIFIED
    report = check(work, rev=old)
    assert deviations(report) == {"data/new": Deviation.EXTRA}
    assert report.commit == old
    assert report.is_dirty


def test_uncommitted_pointer_or_code_makes_the_answer_dirty(work):
    work.write({"other.bin": b"x"})
    assert not check(work).is_dirty
    work.add("other.bin")
    assert check(work).is_dirty
    work.commit()
    assert not check(work).is_dirty
    work.write({"code.py": b"1"})
    work.git("add", "code.py")
    assert check(work).is_dirty


def test_broken_pointer_is_a_failure_and_the_others_are_verified(work):
    with open(work.path("model.bin.dvx"), "wb") as file:
        file.write(b"<<<<<<< ours\n")
    report = check(work)
    assert [(path, type(error)) for path, error in report.failures] == [("model.bin.dvx", FormatError)]
    assert report.outcome is Outcome.PARTLY
    assert all(found.is_right for found in report.workspace)
    with pytest.raises(FormatError):
        check(work, targets=["model.bin"])


# A remote


def states(report):
    return {root.tracked.path: root.state for root in report.remote.roots}


def remote_packs(tmp_path):
    """The packs on the remote, the smallest (pages) first."""
    return sorted(store_objects(tmp_path / "remote", ["packs"]), key=os.path.getsize)


def overwrite(place, data):
    os.chmod(place, 0o644)
    with open(place, "wb") as file:
        file.write(data)


def read(place):
    with open(place, "rb") as file:
        return file.read()


def test_remote_that_has_everything_is_verified_without_the_workspace(work, tmp_path):
    clone = clone_repo(work, tmp_path / "clone")
    report = check(clone, workspace=False, remote=True)
    assert report.outcome is Outcome.VERIFIED
    assert report.workspace is None
    assert report.remote.objects == len(remote_packs(tmp_path))
    assert report.remote.size_bytes == sum(map(os.path.getsize, remote_packs(tmp_path)))


def test_data_that_was_never_pushed_is_absent(work):
    work.write({"new.bin": b"new"})
    work.add("new.bin")
    report = check(work, workspace=False, remote=True)
    assert states(report)["new.bin"] is PresenceState.ABSENT
    assert states(report)["data"] is PresenceState.COMPLETE
    assert report.outcome is Outcome.MISSING


def test_remote_that_nobody_pushed_to_has_nothing(tmp_path):
    work = make_repo(tmp_path / "fresh", remote=tmp_path / "nowhere")
    work.write({"a": b"a"})
    work.add("a")
    report = check(work, workspace=False, remote=True)
    assert report.outcome is Outcome.MISSING
    assert not os.path.exists(tmp_path / "nowhere")


@pytest.mark.parametrize("which", [0, -1], ids=["pages", "data"])
def test_missing_pack_is_named_and_a_push_brings_it_back(work, tmp_path, which):
    place = remote_packs(tmp_path)[which]
    os.unlink(place)
    report = check(work, workspace=False, remote=True)
    assert report.outcome is Outcome.MISSING
    missing = {key for root in report.remote.roots for key in root.missing}
    assert missing == {os.path.relpath(place, tmp_path / "remote")}
    work.push()
    assert check(work, workspace=False, remote=True).outcome is Outcome.VERIFIED


@pytest.mark.parametrize("which", [0, -1], ids=["pages", "data"])
def test_truncated_pack_is_damage_and_a_push_heals_it(work, tmp_path, which):
    place = remote_packs(tmp_path)[which]
    overwrite(place, read(place)[:-1])
    report = check(work, remote=True)
    assert report.outcome is Outcome.DAMAGED
    damaged = {key for root in report.remote.roots for key in root.damaged}
    assert damaged == {os.path.relpath(place, tmp_path / "remote")}
    work.push()
    assert check(work, remote=True).outcome is Outcome.VERIFIED


def test_damaged_record_is_damage_although_a_good_one_was_read_before(work, tmp_path):
    assert check(work, remote=True).outcome is Outcome.VERIFIED
    for place in store_objects(tmp_path / "remote", ["roots"]):
        overwrite(place, flip_bit(read(place), 20))
    report = check(work, remote=True)
    assert set(states(report).values()) == {PresenceState.DAMAGED}
    assert report.outcome is Outcome.DAMAGED


def test_one_whole_record_is_enough(work, tmp_path):
    (place,) = [
        place
        for place in store_objects(tmp_path / "remote", ["roots"])
        if work.pointer("model.bin").id.hex() in place
    ]
    other = os.path.join(os.path.dirname(place), "0" * 32)
    with open(other, "wb") as file:
        file.write(flip_bit(read(place), 20))
    assert check(work, remote=True).outcome is Outcome.VERIFIED


def test_flipped_bit_on_the_remote_is_found_by_reading_all_but_not_by_sizes(work, tmp_path):
    place = remote_packs(tmp_path)[-1]
    overwrite(place, flip_bit(read(place), os.path.getsize(place) // 2))
    assert check(work, remote=True).outcome is Outcome.VERIFIED
    clone = clone_repo(work, tmp_path / "clone")
    report = check(clone, workspace=False, remote=True, sample=EVERYTHING)
    assert report.outcome is Outcome.DAMAGED
    assert "is damaged" in next(root.problem for root in report.remote.roots if root.problem)


def test_sample_of_a_percentage_reads_that_part_and_the_first_page(work, tmp_path):
    clone = clone_repo(work, tmp_path / "clone")
    report = check(clone, workspace=False, remote=True, sample=Sample(None, 0.5, 7))
    data, model = report.remote.roots
    assert data.sampled.chunks == 1 + 10  # 21 chunks, of which the link's target is one
    assert 1 <= model.sampled.chunks <= 6


def test_worst_of_several_answers_counts(work, tmp_path):
    work.remove("data/00")
    assert check(work, remote=True).outcome is Outcome.DIFFERS
    pages, data = remote_packs(tmp_path)[0], remote_packs(tmp_path)[-1]
    os.unlink(pages)
    assert check(work, remote=True).outcome is Outcome.MISSING
    overwrite(data, b"short")
    assert check(work, remote=True).outcome is Outcome.DAMAGED


def test_revision_of_the_past_is_asked_of_the_remote(work, tmp_path):
    old = work.git("rev-parse", "HEAD").strip()
    work.write({"data/new": b"new data"})
    work.add("data")
    work.commit()
    report = check(work, rev=old, workspace=False, remote=True)
    assert (report.outcome, report.is_dirty, report.commit) == (Outcome.VERIFIED, False, old)
    assert check(work, rev="HEAD", workspace=False, remote=True).outcome is Outcome.MISSING


def test_without_a_remote_the_question_is_an_error(tmp_path):
    work = make_repo(tmp_path / "alone")
    work.write({"a": b"a"})
    work.add("a")
    with pytest.raises(NotFound) as caught:
        check(work, remote=True)
    assert caught.value.kind == "no-remote"
