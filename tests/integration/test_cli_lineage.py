"""`dvx lineage`: inputs and outputs over commits and branches, up and down, with hostile names and cycles."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dvx.core.ids import format_id
from dvx.formats.metadata import DataSource, Metadata, with_metadata
from dvx.formats.pointer import KIND_FILE, Pointer, format_pointer
from dvx.testing.shell import commit, make_repo, must_dvx, run_dvx, run_git


def _id(number: int) -> bytes:
    return bytes([number]) * 32


def _record(
    repo: Path,
    path: str,
    number: int,
    inputs: Mapping[str, int] | None = None,
    *,
    command: str = "",
    code: str = "",
) -> None:
    """Write, stage and commit a pointer with the id `number`."""
    named = {name: _id(each) for name, each in (inputs or {}).items()}
    source = DataSource(named, command, code)
    place = repo / (path + ".dvx")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(
        format_pointer(with_metadata(Pointer(KIND_FILE, _id(number), number), Metadata(source=source)))
    )
    run_git(repo, "add", "-A")
    commit(repo, f"{path.split('/')[0][:20]} {number}")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", options=["-b", "main"])


def _make_chain(folder: Path) -> None:
    repo = make_repo(folder / "repo", options=["-b", "main"])
    _record(repo, "raw", 1)
    _record(repo, "data/train", 3, {"raw": 1}, command="python clean.py", code="c0de" * 10)
    _record(repo, "model", 5, {"data/train": 3}, command="python train.py")
    _record(repo, "report", 6, {"model": 5})
    _record(repo, "raw", 2)
    _record(repo, "data/train", 4, {"raw": 2})


@pytest.fixture
def chain(tmp_path: Path, made_once: Callable[..., None]) -> Path:
    """raw 1, 2; train 3 from raw 1, train 4 from raw 2; model 5 from train 3; report 6 from model 5."""
    made_once(_make_chain, tmp_path)
    return tmp_path / "repo"


def _edges(repo: Path, *args: str) -> set[tuple[str, str]]:
    """Edges as `path number` of input and output."""
    document = json.loads(must_dvx(repo, "lineage", "--json", *args).out)
    assert document["schema"] == "dvx.lineage/1"
    names = [f"{each['path']} {bytes.fromhex(each['id'][7:])[0]}" for each in document["versions"]]
    return {(names[edge["input"]], names[edge["output"]]) for edge in document["edges"]}


def test_up_and_down_from_the_middle(chain: Path) -> None:
    assert _edges(chain, "model") == {
        ("raw 1", "data/train 3"),
        ("data/train 3", "model 5"),
        ("model 5", "report 6"),
    }


def test_a_revision_has_its_own_lineage(chain: Path) -> None:
    assert _edges(chain, "data/train") == {("raw 2", "data/train 4")}
    assert _edges(chain, "data/train", "--rev", "HEAD~2") == {
        ("raw 1", "data/train 3"), ("data/train 3", "model 5"), ("model 5", "report 6"),
    }  # fmt: skip
    assert _edges(chain, "raw.dvx", "--rev", "HEAD~4") >= {("raw 1", "data/train 3"), ("model 5", "report 6")}


def test_other_branches_and_tags_count(chain: Path) -> None:
    run_git(chain, "switch", "-q", "-c", "other")
    _record(chain, "second", 9, {"model": 5})
    run_git(chain, "switch", "-q", "main")
    assert ("model 5", "second 9") in _edges(chain, "model")


def test_the_tree_names_commits_commands_and_what_is_unknown(repo: Path) -> None:
    _record(repo, "raw", 1)
    _record(repo, "model", 5, {"raw": 1, "gone": 7}, command="python train.py --lr 1", code="c0de" * 10)
    _record(repo, "report", 6, {"model": 5})
    commits = run_git(repo, "log", "--format=%h", "--abbrev=10", "--reverse").split()[-3:]
    day = run_git(repo, "log", "-1", "--date=format-local:%Y-%m-%d", "--format=%ad")
    assert must_dvx(repo, "lineage", "model", env={"TZ": "UTC"}).out.splitlines() == [
        f"model  050505050505  5 B  {commits[1]} {day} model 5",
        "  command: python train.py --lr 1",
        "  code: c0dec0dec0",
        "made from:",
        "  gone  070707070707  unknown: no commit here has this version",
        f"  raw  010101010101  1 B  {commits[0]} {day} raw 1",
        "used for:",
        f"  report  060606060606  6 B  {commits[2]} {day} report 6",
    ]


def test_data_without_a_source_says_so(repo: Path) -> None:
    _record(repo, "raw", 1)
    lines = must_dvx(repo, "lineage", "raw").out.splitlines()
    assert lines[1:] == ["made from: nothing that is recorded", "used for: nothing that is recorded"]


def test_a_pointer_that_is_not_committed_is_followed(chain: Path) -> None:
    pointer = with_metadata(
        Pointer(KIND_FILE, _id(8), 8), Metadata(source=DataSource({"data/train": _id(4)}))
    )
    (chain / "new.dvx").write_bytes(format_pointer(pointer))
    assert _edges(chain, "new") == {("raw 2", "data/train 4"), ("data/train 4", "new 8")}
    assert "8 B  not committed" in must_dvx(chain, "lineage", "new").out


def test_before_the_first_commit_there_is_a_lineage(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    pointer = with_metadata(Pointer(KIND_FILE, _id(8), 8), Metadata(source=DataSource({"raw": _id(4)})))
    (tmp_path / "new.dvx").write_bytes(format_pointer(pointer))
    assert _edges(tmp_path, "new") == {("raw 4", "new 8")}


def test_data_that_moved_is_found_by_its_id(repo: Path) -> None:
    _record(repo, "old/raw", 1, {"web": 2})
    _record(repo, "model", 5, {"new/raw": 1})
    assert _edges(repo, "model") == {("web 2", "old/raw 1"), ("old/raw 1", "model 5")}


def test_a_source_that_was_told_later_counts_and_the_first_commit_is_named(repo: Path) -> None:
    _record(repo, "model", 5)
    first = run_git(repo, "rev-parse", "HEAD")
    _record(repo, "model", 5, {"raw": 1})
    _record(repo, "report", 6, {"model": 5})
    document = json.loads(must_dvx(repo, "lineage", "report", "--json").out)
    assert _edges(repo, "report") == {("raw 1", "model 5"), ("model 5", "report 6")}
    assert document["versions"][1]["commit"] == first
    assert document["versions"][1]["id"] == format_id(_id(5))


def test_cycles_end(repo: Path) -> None:
    _record(repo, "a", 1, {"c": 3, "a": 1})
    _record(repo, "b", 2, {"a": 1})
    _record(repo, "c", 3, {"b": 2})
    assert _edges(repo, "a") == {("a 1", "a 1"), ("a 1", "b 2"), ("b 2", "c 3"), ("c 3", "a 1")}
    assert must_dvx(repo, "lineage", "a").out.count("(see above)") == 4


def test_what_is_reached_twice_is_unfolded_once(repo: Path) -> None:
    _record(repo, "raw", 1, {"web": 9})
    _record(repo, "left", 2, {"raw": 1})
    _record(repo, "right", 3, {"raw": 1})
    _record(repo, "model", 5, {"left": 2, "right": 3})
    text = must_dvx(repo, "lineage", "model").out
    assert text.count("web  ") == 1
    assert text.count("(see above)") == 1


def test_a_long_chain_is_no_recursion(repo: Path) -> None:
    stream = []
    for number in range(1500):
        source = DataSource({"m": number.to_bytes(32, "big")}) if number else DataSource()
        pointer = with_metadata(
            Pointer(KIND_FILE, (number + 1).to_bytes(32, "big"), 1), Metadata(source=source)
        )
        data = format_pointer(pointer)
        stream.append(
            b"commit refs/heads/main\ncommitter T <t@e> %d +0000\ndata 1\nx" % (1_700_000_000 + number)
            + b"\nM 100644 inline m.dvx\ndata %d\n" % len(data) + data + b"\n"
        )  # fmt: skip
    (repo / "stream").write_bytes(b"".join(stream))
    with (repo / "stream").open("rb") as file:
        subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=repo, stdin=file, check=True)
    document = json.loads(must_dvx(repo, "lineage", "m", "--rev", "main", "--json").out)
    assert len(document["edges"]) == 1499
    assert len(must_dvx(repo, "lineage", "m", "--rev", "main").out.splitlines()) == 1 + 1 + 1499 + 1


_HOSTILE = 'x"]; click a "javascript:alert(1)<b>`\\'


def test_mermaid_has_every_name_as_numbers_of_its_characters(repo: Path) -> None:
    _record(repo, "model", 5, {_HOSTILE: 1, "\x1b[2J": 2})
    lines = must_dvx(repo, "lineage", "model", "--mermaid").out.splitlines()
    assert lines[0] == "flowchart LR"
    assert lines[-1] == "    style v0 stroke-width:3px"
    assert lines[1].startswith('    v0["model<br/>050505050505<br/>')
    for line in lines[2:4]:
        label = line.partition('["')[2].removesuffix('"]').replace("<br/>", "")
        assert set(label) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._/-#;")
    assert any("x#34;#93;#59; click a #34;javascript#58;" in line for line in lines)
    assert any("#92;x1b#91;2J" in line for line in lines)
    assert {"    v1 --> v0", "    v2 --> v0"} <= set(lines)


def test_dot_quotes_every_name(repo: Path) -> None:
    _record(repo, "model", 5, {_HOSTILE: 1})
    lines = must_dvx(repo, "lineage", "model", "--dot").out.splitlines()
    assert lines[0] == "digraph lineage {"
    assert lines[-1] == "}"
    unknown = next(line for line in lines if "unknown" in line)
    quoted = _HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
    assert unknown == f'  v1 [label="{quoted}\\n010101010101\\nunknown", style=dashed];'
    assert "  v1 -> v0;" in lines


def test_the_tree_shows_no_control_characters(repo: Path) -> None:
    _record(repo, "model", 5, {"a\x1b[2Jb": 1}, command="rm\x07 \x1b]0;x\x07\n" + "y" * 500)
    text = must_dvx(repo, "lineage", "model").out
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "a\\x1b[2Jb" in text
    assert max(map(len, text.splitlines())) < 130


def test_what_is_not_tracked_is_explained(repo: Path) -> None:
    _record(repo, "model", 5)
    for args, code, words in (
        (["other"], 1, "there is no pointer `other.dvx`"),
        (["other", "--rev", "HEAD"], 1, "`other` is not tracked at `HEAD`"),
        (["model", "--rev", "nope"], 1, "`nope` names no commit"),
        (["model", "--dot", "--json"], 2, "exclude each other"),
    ):
        ran = run_dvx(repo, "lineage", *args)
        assert ran.code == code
        assert words in ran.err
        assert "hint: " in ran.err
