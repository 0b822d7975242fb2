"""`dvx verify`, `dvx key` and receipts as processes: output, documents, exit codes."""

import json
from pathlib import Path

import pytest

import dvx
from dvx.testing.shell import (
    commit,
    file_bytes,
    make_repo,
    must_dvx,
    run_dvx,
    run_git,
    write_tree,
)


def _make_repo(folder):
    repo = make_repo(folder / "repo", remote="../remote")
    write_tree(repo / "data", {f"{i:02d}": file_bytes(2000, seed=i) for i in range(12)})
    (repo / "model.bin").write_bytes(file_bytes(50_000, seed=99))
    must_dvx(repo, "add", "data", "model.bin")
    commit(repo, "data")
    must_dvx(repo, "push")


@pytest.fixture
def repo(tmp_path, made_once):
    made_once(_make_repo, tmp_path)
    return tmp_path / "repo"


def truncate(path):
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def remote_packs(repo):
    return sorted((repo.parent / "remote/packs").glob("*/*"), key=lambda pack: pack.stat().st_size)


def test_differences_are_grouped_with_five_names_a_count_and_the_next_command(repo):
    for number in range(7):
        (repo / f"data/{number:02d}").unlink()
    (repo / "data/extra@home").write_bytes(b"x")
    ran = run_dvx(repo, "verify")
    assert ran.code == 5
    assert ran.out.splitlines() == [
        "missing: 7 paths: `data/00`, `data/01`, `data/02`, `data/03`, `data/04` and 2 more",
        "extra: 1 path: `data/extra@home`",
        "workspace: 8 paths not as the pointers say; 6 files, 60.0 kB right in 2 tracked paths",
    ]
    assert "hint: bring the workspace to the pointers: `dvx pull --force data`" in ran.err
    assert "hint: delete what is extra, or leave it out with a line in `.dvxignore`" in ran.err
    must_dvx(repo, "pull", "--force", "data")
    (repo / "data/extra@home").unlink()
    assert run_dvx(repo, "verify", "-q").code == 0


def test_what_is_only_missing_is_brought_back_without_force(repo):
    (repo / "model.bin").unlink()
    (repo / "data/00").write_bytes(b"my work")
    ran = run_dvx(repo, "verify", "model.bin")
    assert "hint: bring the workspace to the pointers: `dvx pull model.bin`" in ran.err
    must_dvx(repo, "pull", "model.bin")
    assert (repo / "data/00").read_bytes() == b"my work"


def test_wrong_bytes_in_a_pack_of_the_right_size_are_mended_by_the_printed_hint(repo):
    pack = remote_packs(repo)[-1]
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(bytes(data))
    assert run_dvx(repo, "verify", "--remote").code == 0  # sizes alone do not show it
    ran = run_dvx(repo, "verify", "--sample", "100%")
    assert ran.code == 7
    hints = [line for line in ran.err.splitlines() if line.startswith("hint")]
    key = pack.relative_to(repo.parent / "remote").as_posix()
    assert hints == [f"hint: delete `{key}` there, then push from a clone that has the data: `dvx push`"]
    pack.unlink()
    must_dvx(repo, "push")
    must_dvx(repo, "verify", "--sample", "100%")


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        ([], {"workspace"}),
        (["--rev", "HEAD"], {"remote"}),
        (["-r", "origin"], {"remote"}),
        (["--sample", "3"], {"remote"}),
        (["--remote"], {"remote"}),
        (["--workspace", "--rev", "HEAD"], {"workspace"}),
        (["--workspace", "--remote"], {"workspace", "remote"}),
        (["--all", "--rev", "HEAD"], {"workspace", "remote"}),
    ],
)
def test_what_is_looked_at(repo, args, parts):
    document = json.loads(must_dvx(repo, "verify", "--json", *args).out)
    assert document["schema"] == "dvx.verify/1"
    assert {part for part in ("workspace", "remote") if document[part] is not None} == parts
    assert document["result"] == "verified"


def test_exit_code_is_that_of_the_worst(repo):
    (repo / "data/00").unlink()
    assert run_dvx(repo, "verify", "--all").code == 5
    pages, data = remote_packs(repo)[0], remote_packs(repo)[-1]
    pages.unlink()
    ran = run_dvx(repo, "verify", "--all")
    assert ran.code == 6
    assert "incomplete: 1 tracked path: `data`" in ran.out
    assert "hint: send what the remote lacks, from a clone that has it: `dvx push data -r origin`" in ran.err
    truncate(data)
    ran = run_dvx(repo, "verify", "--all")
    assert ran.code == 7
    assert "damaged: " in ran.out
    must_dvx(repo, "push", "-r", "origin")
    must_dvx(repo, "verify", "--remote", "--sample", "100%")


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "x", "1.5", "%", "1e9", "99999999999"])
def test_sample_that_makes_no_sense_is_refused(repo, text):
    assert run_dvx(repo, "verify", "--sample", text).code == 2


def test_same_seed_reads_the_same_chunks(repo):
    one, two = (
        json.loads(must_dvx(repo, "verify", "--json", "--sample", "2", "--seed", "5").out) for _ in "ab"
    )
    del one["seconds"], two["seconds"]
    assert one == two


def test_receipt_is_canonical_and_says_what_was_verified(repo):
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    must_dvx(repo, "verify", "--all", "--receipt", "out/a.json", env=env)
    must_dvx(repo / "data", "verify", "--all", "--receipt", "../out/b.json", env=env)
    text = (repo / "out/a.json").read_bytes()
    assert text == (repo / "out/b.json").read_bytes()
    receipt = json.loads(text)
    assert text == json.dumps(receipt, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    assert receipt["schema"] == "dvx.receipt/1"
    assert receipt["time"] == "2023-11-14T22:13:20Z"
    assert receipt["commit"] == run_git(repo, "rev-parse", "HEAD")
    assert receipt["tool"] == {"name": "dvx", "version": dvx.__version__}
    assert receipt["formats"] == {"pack": 1, "placement": 1, "pointer": 1, "store": 1}
    data, model = receipt["pointers"]
    assert (data["path"], data["pointer"], data["kind"]) == ("data", "data.dvx", "directory")
    assert (data["files"], data["size"], model["files"], model["size"]) == (12, 24_000, 1, 50_000)
    assert model["id"] in (repo / "model.bin.dvx").read_text()
    assert receipt["workspace"] == {"verified": True, "files": 13, "size": 74_000, "deviations": 0}
    assert receipt["remote"]["verified"] is True
    assert receipt["remote"]["url"] == str(repo.parent / "remote")


def test_receipt_of_a_failed_verification_says_so(repo):
    (repo / "model.bin").write_bytes(b"other")
    assert run_dvx(repo, "verify", "--receipt", "r.json").code == 5
    receipt = json.loads((repo / "r.json").read_text())
    assert receipt["result"] == "workspace-differs"
    assert receipt["workspace"]["verified"] is False
    assert receipt["remote"] is None


def test_password_in_an_address_is_refused_and_not_repeated(repo):
    env = {"DVX_REMOTE_ORIGIN_URL": "s3://key:secret@bucket/x"}
    ran = run_dvx(repo, "verify", "--all", "--receipt", "r.json", env=env)
    assert ran.code == 2
    assert "secret" not in ran.out + ran.err
    assert not (repo / "r.json").exists()


def test_wrong_source_date_epoch_is_refused(repo):
    ran = run_dvx(repo, "verify", "--receipt", "r.json", env={"SOURCE_DATE_EPOCH": "yesterday"})
    assert ran.code == 2
    assert not (repo / "r.json").exists()


def test_receipt_that_cannot_be_written_is_an_error(repo):
    (repo / "r.json").mkdir()
    assert run_dvx(repo, "verify", "--receipt", "r.json").code == 1
    assert list((repo / "r.json").iterdir()) == []


def test_markdown_names_commit_result_and_pointers(repo):
    text = must_dvx(repo, "verify", "--all", "--md").out
    assert text.startswith("### Data verified\n\nCommit <code>" + run_git(repo, "rev-parse", "HEAD"))
    assert "| <code>data</code> |" in text
    assert run_dvx(repo, "verify", "--md", "--json").code == 2


# Keys


def test_key_is_the_same_for_the_same_data_at_other_paths_and_in_other_clones(repo, tmp_path):
    key = must_dvx(repo, "key").out
    run_git(tmp_path, "clone", "-q", "--depth", "1", repo.as_uri(), "other")
    assert must_dvx(tmp_path / "other", "key").out == key
    must_dvx(repo, "mv", "data", "elsewhere")
    assert must_dvx(repo, "key").out == key


def test_key_is_frozen():
    # Caches on other machines and of other versions are found by it.
    from dvx.formats.pointer import Pointer
    from dvx.ops.cache_key import _digest
    from dvx.repo.pointers import TrackedPointer
    from dvx.repo.targets import Target

    data = TrackedPointer("d", "d.dvx", Pointer("directory", bytes(32), 5, 1))
    model = TrackedPointer("m", "m.dvx", Pointer("file", bytes([1]) * 32, 7))
    assert _digest([Target(model), Target(data)]) == "f93352215f0d9cc393b10b4b0d4ee82a"
    assert _digest([Target(data, ("b", "a"))]) == "039e05aaecbf8b1ae1767835a6a488bc"


def test_key_changes_with_data_and_with_targets(repo):
    keys = {
        must_dvx(repo, "key", *args).out for args in ([], ["data"], ["model.bin"], ["data/00"], ["data/01"])
    }
    assert len(keys) == 5
    old = must_dvx(repo, "key").out
    (repo / "model.bin").write_bytes(b"new")
    must_dvx(repo, "add", "model.bin")
    assert must_dvx(repo, "key").out != old
    assert must_dvx(repo, "key", "--rev", "HEAD").out == old


def test_key_document_has_the_prefix_for_older_stores_and_the_folder_to_keep(repo):
    document = json.loads(must_dvx(repo, "key", "--json", "--prefix", "train_").out)
    assert document["schema"] == "dvx.key/1"
    assert document["restore_prefix"] == "train_v1-"
    assert document["key"].startswith("train_v1-")
    assert Path(document["store"]) == repo / ".git/dvx/store"
    assert (document["roots"], document["size"]) == (2, 74_000)


@pytest.mark.parametrize("prefix", ["", "a/b", "a,b", "-a", "a b", "x" * 101, "é"])
def test_prefix_that_no_cache_takes_is_refused(repo, prefix):
    assert run_dvx(repo, "key", "--prefix", prefix).code == 2
