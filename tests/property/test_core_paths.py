"""Laws of paths: the fast acceptance never lets through what the full check refuses."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.core.errors import PathRefused
from dvx.core.paths import case_collisions, check_stored_path, unportable_reason

PIECES = st.sampled_from(
    [".git", "git~1", ".", "..", "/", "\\", "a", "B", " ", "\u200c", "é", ":", "\n", "x" * 90]
)
PATHS = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=30))


def _is_safe(path: str) -> bool:
    """The rules, written the slow and plain way."""
    if any(0xD800 <= ord(letter) <= 0xDFFF or ord(letter) < 32 or letter in "\x7f\\" for letter in path):
        return False
    if not 0 < len(path.encode()) <= 4096:
        return False
    for component in path.split("/"):
        if component in ("", ".", "..") or len(component.encode()) > 255:
            return False
        seen = "".join(c for c in component if not (0x200C <= ord(c) <= 0x200F or 0x202A <= ord(c) <= 0x202E))
        seen = "".join(c for c in seen if not (0x206A <= ord(c) <= 0x206F or c == "\ufeff"))
        windows = component.split(":")[0].rstrip(" .")
        if seen.lower() == ".git" or windows.lower() in (".git", "git~1"):
            return False
    return True


@settings(max_examples=1000, deadline=None)
@given(PATHS)
def test_check_stored_path_agrees_with_the_plain_rules(path: str) -> None:
    try:
        check_stored_path(path)
        accepted = True
    except PathRefused:
        accepted = False
    assert accepted == _is_safe(path)
    assert unportable_reason(path) is None or isinstance(unportable_reason(path), str)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("aAbB", min_size=1, max_size=3), unique=True, max_size=12))
def test_case_collisions_exist_exactly_where_lower_case_names_repeat(names: list[str]) -> None:
    pairs = case_collisions(names)
    assert len(pairs) == len(names) - len({name.lower() for name in names})
    assert all(first != second and first.lower() == second.lower() for first, second in pairs)
