"""`dvx add` of a folder that a remote lies in."""

from pathlib import Path

from dvx.testing.shell import make_repo, must_dvx, run_dvx


def test_add_of_a_folder_that_holds_a_remote_is_refused_and_what_is_beside_it_is_added(
    tmp_path: Path,
) -> None:
    repo = make_repo(tmp_path / "repo")
    (repo / ".gitignore").write_text("/data/store/\n")
    (repo / "data").mkdir()
    (repo / "data" / "one.bin").write_bytes(b"one")
    must_dvx(repo, "remote", "add", "origin", "data/store")
    for path in ("data", "data/store"):
        (repo / "data" / "store").mkdir(exist_ok=True)
        result = run_dvx(repo, "add", path)
        assert result.code != 0
        assert "the remote `origin` is in it" in result.err
        assert not (repo / f"{path}.dvx").exists()
    must_dvx(repo, "add", "data/one.bin")
    assert (repo / "data" / "one.bin.dvx").exists()
