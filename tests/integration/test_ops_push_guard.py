"""The guard of a push: which pointer versions it asks for, with real Git, and what it does when data is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dvx.core.errors import BackendError, DataMissing, NotFound, UnsupportedVersion, UsageError
from dvx.ops.push_guard import GuardResult, guard_push
from dvx.repo.git import Git
from dvx.repo.introduced import RefUpdate, introduced_pointers, parse_updates
from dvx.testing.workspace import Workspace, make_repo, store_objects

ZERO = "0" * 40


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    """A repository whose first commit of data is on the Git remote `origin` and on the dvx remote."""
    workspace = make_repo(tmp_path / "repo", remote=tmp_path / "remote")
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "hub")], check=True)
    workspace.git("remote", "add", "origin", str(tmp_path / "hub"))
    save(workspace, {"data/a": b"a" * 1000, "model": b"m"})
    workspace.push()
    workspace.git("push", "-q", "--no-verify", "-u", "origin", "main")
    return workspace


def save(workspace: Workspace, files: dict[str, bytes], message: str = "data") -> str:
    workspace.write(files)
    workspace.add(*sorted({name.partition("/")[0] for name in files}))
    return workspace.commit(message)


def update(
    workspace: Workspace, local: str = "main", remote_id: str | None = None, ref: str = ""
) -> RefUpdate:
    ref = ref or f"refs/heads/{local}"
    tip = workspace.git("rev-parse", local).strip()
    if remote_id is None:
        remote_id = workspace.git("rev-parse", f"origin/{local}").strip()
    return RefUpdate(ref, tip, ref, remote_id)


def guard(workspace: Workspace, *updates: RefUpdate) -> GuardResult:
    with workspace.open() as project:
        return guard_push(project, updates or (update(workspace),), git_remote="origin")


def paths(workspace: Workspace, *updates: RefUpdate, git_remote: str = "origin") -> list[str]:
    found = introduced_pointers(Git(workspace.root), updates, remote_name=git_remote)
    return sorted(each.tracked.path for each in found)


def test_pushed_data_passes(repo: Workspace) -> None:
    save(repo, {"model": b"m2"})
    repo.push()
    result = guard(repo)
    assert (result.checked, result.missing, result.is_blocked) == (1, [], False)


def test_missing_data_blocks_and_names_the_command(repo: Workspace) -> None:
    save(repo, {"model": b"m2", "data/b": b"b"})
    result = guard(repo)
    assert result.is_blocked
    assert [item.path for item in result.missing] == ["data", "model"]
    assert result.hints[0] == "push the data first: `dvx push`"
    assert "git push --no-verify" in result.hints[-1]


def test_version_between_commits_is_sent_by_a_plain_push_too(repo: Workspace) -> None:
    save(repo, {"model": b"m2"})
    save(repo, {"model": b"m3"})
    repo.push()
    result = guard(repo)
    assert [item.path for item in result.missing] == ["model"]
    assert result.hints[0] == "push the data first: `dvx push`"


def test_an_object_that_vanished_from_the_remote_blocks(repo: Workspace, tmp_path: Path) -> None:
    save(repo, {"model": b"unique" * 100})
    before = set(store_objects(tmp_path / "remote", ["packs"]))
    repo.push()
    (pack,) = set(store_objects(tmp_path / "remote", ["packs"])) - before
    os.unlink(pack)
    assert guard(repo).is_blocked


def test_policy_push_sends_the_data_now(repo: Workspace) -> None:
    save(repo, {"model": b"m2"})
    result = guard(repo.with_overrides({"hooks.push": "push"}))
    assert result.pushed is not None
    assert (result.pushed.roots, result.is_blocked) == (1, False)
    assert guard(repo).missing == []


def test_policy_push_blocks_what_cannot_be_sent(repo: Workspace, tmp_path: Path) -> None:
    save(repo, {"model": b"m2"})
    shutil.rmtree(tmp_path / "repo" / ".git" / "dvx")
    with pytest.raises(DataMissing) as caught:
        guard(repo.with_overrides({"hooks.push": "push"}))
    assert "git push --no-verify" in caught.value.hints[-1]
    assert "push from the clone that added it: `dvx push model`" in guard(repo).hints[0]


def test_policy_warn_lets_it_pass(repo: Workspace) -> None:
    save(repo, {"model": b"m2"})
    result = guard(repo.with_overrides({"hooks.push": "warn"}))
    assert ([item.path for item in result.missing], result.is_blocked) == (["model"], False)


def test_commits_without_pointers_open_no_store(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"code.py": b"1"})
    repo.git("add", "code.py")
    repo.commit("code")
    monkeypatch.setattr("dvx.ops.project.Project.open_backend", lambda *_: pytest.fail("asked"))
    assert guard(repo).checked == 0


def test_removed_pointer_needs_nothing(repo: Workspace) -> None:
    repo.git("rm", "-q", "model.dvx")
    repo.commit("gone")
    assert paths(repo, update(repo)) == []


def test_new_branch_asks_only_for_what_no_tracking_branch_has(repo: Workspace) -> None:
    repo.git("switch", "-q", "-c", "feature")
    save(repo, {"model": b"m2"})
    assert paths(repo, update(repo, "feature", ZERO)) == ["model"]
    assert paths(repo, update(repo, "feature", ZERO), git_remote="elsewhere") == ["data", "model", "model"]
    assert paths(repo, update(repo, "feature", ZERO), git_remote="https://x.invalid/y") == [
        "data",
        "model",
        "model",
    ]


def test_force_push_over_a_commit_that_is_not_here(repo: Workspace) -> None:
    save(repo, {"model": b"m2"})
    assert paths(repo, update(repo, "main", "1234567890" * 4)) == ["model"]


def test_deletion_asks_for_nothing(repo: Workspace) -> None:
    assert paths(repo, RefUpdate("(delete)", ZERO, "refs/heads/x", "1" * 40)) == []
    assert paths(repo, RefUpdate("(delete)", "0" * 64, "refs/heads/x", "1" * 64)) == []


def test_several_refs_and_tags_count_each_version_once(repo: Workspace) -> None:
    save(repo, {"model": b"m2"})
    repo.git("tag", "light")
    repo.git("tag", "-a", "-m", "x", "annotated")
    repo.git("switch", "-q", "-c", "side")
    save(repo, {"extra": b"e"})
    updates = [
        update(repo, "main"),
        update(repo, "light", ZERO, "refs/tags/light"),
        update(repo, "annotated", ZERO, "refs/tags/annotated"),
        update(repo, "side", ZERO),
    ]
    assert paths(repo, *updates) == ["extra", "model"]
    assert paths(repo, updates[2]) == ["model"]


def test_tag_of_a_file_is_passed_over(repo: Workspace) -> None:
    object_id = repo.git("rev-parse", "HEAD:model.dvx").strip()
    repo.git("tag", "file", object_id)
    assert paths(repo, RefUpdate("refs/tags/file", object_id, "refs/tags/file", ZERO)) == []


def test_merge_introduces_only_what_no_parent_has(repo: Workspace) -> None:
    repo.git("switch", "-q", "-c", "side")
    save(repo, {"other": b"o"}, "side")
    repo.push()
    repo.git("push", "-q", "--no-verify", "-u", "origin", "side")
    repo.git("switch", "-q", "main")
    repo.write({"code.py": b"1"})
    repo.git("add", "code.py")
    repo.commit("main moves on")
    repo.git("merge", "-q", "--no-edit", "side")
    assert paths(repo, update(repo)) == []
    repo.checkout()
    repo.write({"model": b"evil"})
    repo.add("model")
    repo.git("commit", "-q", "--amend", "--no-edit")
    assert paths(repo, update(repo)) == ["model"]


def test_merged_side_branch_that_was_undone_still_counts(repo: Workspace) -> None:
    repo.git("switch", "-q", "-c", "side")
    save(repo, {"model": b"side"})
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--no-edit", "-s", "ours", "--no-ff", "side")
    assert paths(repo, update(repo)) == ["model"]


def test_shallow_clone_answers_for_its_boundary(repo: Workspace, tmp_path: Path) -> None:
    save(repo, {"model": b"m2"})
    repo.git("push", "-q", "--no-verify")
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{tmp_path}/hub", str(tmp_path / "shallow")], check=True
    )
    shallow = Workspace(str(tmp_path / "shallow"))
    save(shallow, {"extra": b"e"})
    assert paths(shallow, update(shallow)) == ["extra"]
    assert paths(shallow, update(shallow, remote_id=ZERO), git_remote="new") == ["data", "extra", "model"]


def test_sha256_repository(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", "-b", "main", "--object-format=sha256", str(root)], check=True)
    workspace = Workspace(os.path.realpath(root))
    first = save(workspace, {"a": b"1"})
    second = save(workspace, {"a": b"2"})
    assert len(second) == 64
    assert paths(workspace, RefUpdate("main", second, "main", "0" * 64)) == ["a", "a"]
    assert paths(workspace, RefUpdate("main", second, "main", first)) == ["a"]


def test_bytes_that_are_no_pointer_are_passed_over_and_newer_ones_are_not(repo: Workspace) -> None:
    repo.write(
        {"mine.dvx": b"not a pointer", "large.dvx": b"x" * 50_000, ".dvx/y.dvx": b"z", "ü n.dvx": b"\n"}
    )
    repo.git("add", "-f", ".")
    repo.commit("own files")
    assert paths(repo, update(repo)) == []
    repo.write({"future.dvx": b"version = 9\n"})
    repo.git("add", "future.dvx")
    repo.commit("newer")
    with pytest.raises(UnsupportedVersion):
        paths(repo, update(repo))


def test_names_with_spaces_and_other_letters(repo: Workspace) -> None:
    save(repo, {"Gewürz 数据": b"x"})
    assert paths(repo, update(repo)) == ["Gewürz 数据"]


def test_imported_data_is_not_asked_for(repo: Workspace) -> None:
    repo.write({"model": b"imported"})
    repo.add("model")
    with open(repo.path("model.dvx"), "ab") as file:
        file.write(b'\n[import]\nrepository = "x"\n')
    repo.git("add", "model.dvx")
    repo.commit("import")
    assert guard(repo).checked == 0


def test_without_a_remote_it_says_how_to_get_one(tmp_path: Path) -> None:
    workspace = make_repo(tmp_path / "lone")
    save(workspace, {"a": b"1"})
    with pytest.raises(NotFound) as caught:
        guard(workspace, update(workspace, remote_id=ZERO))
    assert "dvx remote add" in caught.value.hints[0]
    assert "git push --no-verify" in caught.value.hints[-1]


def test_remote_that_cannot_be_reached_is_an_error_with_the_way_round(repo: Workspace) -> None:
    save(repo, {"model": b"m2"})
    repo.git("config", "x.y", "z")
    away = repo.with_overrides(
        {
            "remote.origin.url": "s3://bucket/x",
            "remote.origin.endpoint": "http://127.0.0.1:9",
            "remote.origin.anonymous": "true",
            "network.retry_deadline_s": "0",
        }
    )
    with pytest.raises(BackendError) as caught:
        guard(away)
    assert "git push --no-verify" in caught.value.hints[-1]


def test_remote_without_a_store_lacks_everything(repo: Workspace, tmp_path: Path) -> None:
    save(repo, {"model": b"m2"})
    empty = repo.with_overrides({"remote.origin.url": str(tmp_path / "empty")})
    assert [item.path for item in guard(empty).missing] == ["model"]


def test_lines_of_git_are_read_and_others_refused() -> None:
    assert parse_updates(["a 1 b 2\n", "\n"]) == [RefUpdate("a", "1", "b", "2")]
    with pytest.raises(UsageError):
        parse_updates(["a 1"])
