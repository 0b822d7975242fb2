"""repo.targets: what a person means."""

import pytest

from dvx.core.errors import NotFound
from dvx.repo.targets import matches_inside, resolve_targets


@pytest.fixture
def resolve(tracked):
    everything = [
        tracked("data/raw.csv"),
        tracked("data/test", files=5),
        tracked("data/train", files=5),
        tracked("models/a.bin"),
        tracked("models/old/b.bin"),
        tracked("odd[1]"),
    ]

    def run(*targets):
        return {target.tracked.path: target.inside for target in resolve_targets(everything, targets)}

    return run


DATA = {"data/raw.csv": (), "data/test": (), "data/train": ()}
MODELS = {"models/a.bin": (), "models/old/b.bin": ()}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("data/train", {"data/train": ()}),
        ("data/train/", {"data/train": ()}),
        ("data/train.dvx", {"data/train": ()}),
        ("data", DATA),
        ("data/", DATA),
        ("", DATA | MODELS | {"odd[1]": ()}),
        ("data/t*", {"data/test": (), "data/train": ()}),
        ("data/*.dvx", DATA),
        ("models/*.bin", {"models/a.bin": ()}),
        ("models/*", MODELS),
        ("mod*", MODELS),
        ("**/*.bin", MODELS | {"data/test": ("**/*.bin",), "data/train": ("**/*.bin",)}),
        ("odd[1]", {"odd[1]": ()}),
        ("data/t[er]*", {"data/test": (), "data/train": ()}),
        ("data/t[!e]*", {"data/train": ()}),
        ("data/train/cats/1.jpg", {"data/train": ("cats/1.jpg",)}),
        ("data/train/*.jpg", {"data/train": ("*.jpg",)}),
        ("data/*/cats", {"data/test": ("cats",), "data/train": ("cats",)}),
        ("**/cats/*", {"data/test": ("**/cats/*",), "data/train": ("**/cats/*",)}),
        ("data/**", DATA),
    ],
)
def test_target_means(resolve, target, expected):
    found = resolve(target)
    if target == "**/cats/*":
        found = {path: inside for path, inside in found.items() if path.startswith("data/t")}
    assert found == expected


def test_no_target_means_everything(resolve):
    assert resolve() == resolve("")


def test_targets_are_joined_and_the_whole_wins(resolve):
    assert resolve("data/train/a", "data/train/b", "data/train/a") == {"data/train": ("a", "b")}
    assert resolve("data/train/a", "data/train") == {"data/train": ()}
    assert resolve("data/train", "data/train/a") == {"data/train": ()}


def test_order_is_that_of_the_pointers(resolve):
    assert list(resolve("models", "data/train", "data")) == [*DATA, *MODELS]


@pytest.mark.parametrize("target", ["data/tran", "nothing", "data/raw.csv/x", "x*", "models/a", "[", "dat"])
def test_target_that_means_nothing_is_not_found(resolve, target):
    with pytest.raises(NotFound) as caught:
        resolve("data", target)
    assert caught.value.kind == "not-tracked"
    assert f"`{target}` is not tracked" in caught.value.what
    assert any("dvx ls" in hint for hint in caught.value.hints)


def test_all_unknown_targets_are_named_with_what_is_near(resolve):
    with pytest.raises(NotFound) as caught:
        resolve("data/tran", "zzz")
    assert "`data/tran`, `zzz` are not tracked" in caught.value.what
    assert "`data/train`" in caught.value.hints[0]


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        ((), "anything", True),
        (("a/b",), "a/b", True),
        (("a/b",), "a/b/c", True),
        (("a/b",), "a/bc", False),
        (("a/b",), "x/a/b", False),
        (("*.jpg",), "1.jpg", True),
        (("*.jpg",), "a/1.jpg", False),
        (("**/*.jpg",), "1.jpg", True),
        (("**/*.jpg",), "a/b/1.jpg", True),
        (("a/**/z",), "a/z", True),
        (("a/**/z",), "a/b/c/z", True),
        (("a/**",), "a/b/c", True),
        (("a/**",), "a", False),
        (("a/?",), "a/b", True),
        (("a/?",), "a/bb", False),
        (("[ab]/*",), "b/x", True),
        (("[!ab]/*",), "b/x", False),
        (("[z-a]",), "[z-a]", True),
        (("[]]",), "]", True),
        (("x[1].txt",), "x[1].txt", True),
        (("x[1].txt",), "x1.txt", True),
        (("a+b(c)",), "a+b(c)", True),
        (("a", "b"), "b/c", True),
        (("**/**/x",), "x", True),
        (("*",), "a/b", True),
    ],
)
def test_matches_inside(patterns, path, expected):
    assert matches_inside(patterns)(path) is expected


def test_suggested_command_quotes_the_path():
    with pytest.raises(NotFound) as caught:
        resolve_targets([], ["my data/-x"], is_there=lambda _: True)
    assert caught.value.hints[-1] == "track it: `dvx add 'my data/-x'`"
    with pytest.raises(NotFound) as caught:
        resolve_targets([], ["-x"], is_there=lambda _: True)
    assert caught.value.hints[-1] == "track it: `dvx add ./-x`"


def test_nothing_is_suggested_to_be_added_where_nothing_is():
    for is_there in (None, lambda _: False):
        with pytest.raises(NotFound) as caught:
            resolve_targets([], ["nothere"], is_there=is_there)
        assert not any("dvx add" in hint for hint in caught.value.hints)
