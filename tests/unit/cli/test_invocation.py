"""What one run knows of its surroundings."""

import io

import pytest

from dvx.cli.invocation import Invocation
from dvx.cli.output import Output


@pytest.mark.parametrize(
    ("env", "is_ci"),
    [({}, False), ({"CI": ""}, False), ({"CI": "false"}, False), ({"CI": "0"}, False), ({"CI": "true"}, True),
     ({"CI": "1"}, True), ({"CI": "woodpecker"}, True)],
)  # fmt: skip
def test_ci_is_known_by_its_variable(env: dict[str, str], is_ci: bool) -> None:
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    assert Invocation(env=env, folder="/", output=output).is_ci is is_ci


@pytest.mark.parametrize(
    ("env", "colour"), [({}, "\x1b[31mx\x1b[0m"), ({"NO_COLOR": "1"}, "x"), ({"TERM": "dumb"}, "x")]
)
def test_colour_follows_the_environment(
    env: dict[str, str], colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    assert Invocation.of_process(env).output.paint("x", "red") == colour
