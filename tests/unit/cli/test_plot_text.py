"""Curves on a terminal: what stands where."""

from dvx.cli.plot_text import HEIGHT, Screen, chart_lines
from dvx.ops.curves import Chart, Curve, Point


def _plain(text: str, _: str) -> str:
    return text


def _painted(text: str, colour: str) -> str:
    return f"<{colour}>{text}</>"


def _screen(*, is_ascii: bool = False, width: int = 40) -> Screen:
    return Screen(width=width, paint=_plain, has_colour=False, is_ascii=is_ascii)


def _curve(label: str, *ys: float) -> Curve:
    return Curve(label, tuple(Point(x, y) for x, y in enumerate(ys)))


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    chart = Chart("acc", "step", (_curve("run", 0, 1, 2),))
    lines = list(chart_lines(chart, _screen(is_ascii=True)))
    rows = lines[1 : 1 + HEIGHT]
    assert lines[0] == "acc"
    assert rows[0].startswith("2 +")
    assert rows[0].endswith("a")
    assert rows[-1].startswith("0 +a")
    ends = [row.rindex("a") for row in rows]
    assert ends == sorted(ends, reverse=True)
    assert max(map(len, lines)) <= 40
    assert lines[-2].split() == ["0", "step", "2"]
    assert lines[-1] == "  run: last 2"


def test_a_single_curve_is_dots_of_braille() -> None:
    lines = list(chart_lines(Chart("acc", "step", (_curve("run", 0, 1),)), _screen()))
    dots = [sign for line in lines[1 : 1 + HEIGHT] for sign in line if 0x2800 < ord(sign) < 0x2900]
    assert len(dots) > HEIGHT
    assert "┤" in lines[1]


def test_several_curves_are_letters_that_the_legend_names() -> None:
    chart = Chart("acc", "step", (_curve("main", 0, 0), _curve("fast", 1, 1)))
    lines = list(chart_lines(chart, _screen()))
    assert set(lines[1].split("┤")[1]) == {"b"}
    assert set(lines[HEIGHT].split("┤")[1]) == {"a"}
    assert lines[-2:] == ["  a  main: last 0", "  b  fast: last 1"]


def test_colours_tell_dots_apart() -> None:
    chart = Chart("acc", "step", (_curve("main", 0, 0), _curve("fast", 1, 1)))
    screen = Screen(width=40, paint=_painted, has_colour=True, is_ascii=False)
    lines = list(chart_lines(chart, screen))
    assert "<yellow>⠉" in lines[1]
    assert "<blue>⣀" in lines[HEIGHT]


def test_a_constant_and_a_single_point_are_drawn() -> None:
    for ys in ((5.0, 5.0), (5.0,)):
        lines = list(chart_lines(Chart("acc", "step", (_curve("run", *ys),)), _screen(is_ascii=True)))
        assert sum("a" in line for line in lines[1 : 1 + HEIGHT]) == 1
        assert any(line.startswith("5 +") for line in lines)


def test_numbers_as_large_as_there_are_do_not_overflow() -> None:
    chart = Chart("acc", "step", (_curve("run", -1.7e308, 1.7e308),))
    lines = list(chart_lines(chart, _screen(is_ascii=True)))
    assert lines[1].strip().startswith("1.7e+308 +")
    assert lines[1].endswith("a")


def test_names_cannot_move_the_cursor() -> None:
    curves = (_curve("a\x1b[2Jb", 1, 2), _curve("x\ny", 1, 2))
    text = "\n".join(chart_lines(Chart("\x1b]0;m\x07", "s\rt", curves), _screen()))
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\x07" not in text
    assert "\\x1b[2J" in text


def test_values_that_are_not_finite_are_counted() -> None:
    chart = Chart("acc", "step", (Curve("run", (Point(0, 1),), left_out=2),))
    assert list(chart_lines(chart, _screen()))[-1] == "  run: last 1, 2 values not finite"
