"""Which kinds of errors there are, and what the reference says of them."""

import pytest

from dvx.cli.error_kinds import KINDS
from dvx.cli.reference_errors import errors_page, raised_kinds
from dvx.core.errors import ExitCode


@pytest.fixture(scope="module", name="found")
def _found() -> dict[str, set[ExitCode]]:
    return raised_kinds()


def test_every_kind_that_is_raised_is_described_and_no_other(found: dict[str, set[ExitCode]]) -> None:
    """A new `kind=` in the source needs a line in dvx/cli/error_kinds.py."""
    assert sorted(found) == sorted(KINDS)


def test_the_kinds_are_found_however_the_source_spells_them(found: dict[str, set[ExitCode]]) -> None:
    assert found["not-tracked"] == {ExitCode.FAILED}  # an argument
    assert found["damaged-pack"] == {ExitCode.INTEGRITY}  # of a class
    assert found["no-connection"] == {ExitCode.UNREACHABLE}  # a constant
    assert found["not-implemented"] == {ExitCode.FAILED}  # a variable
    assert found["bad-store"] == {ExitCode.INTEGRITY}  # a text with a name in it
    assert found["bad-range"] == {ExitCode.USAGE, ExitCode.INTEGRITY}  # two classes


def test_the_page_says_of_each_kind_its_exit_codes_and_its_meaning() -> None:
    page = "\n".join(errors_page())
    assert "| `bad-range` | 2, 7 | The range of bytes is not valid, or the object is shorter. |" in page
    assert page.count("\n| `") == len(KINDS)
