"""cli.markdown: names that are only text."""

from dvx.cli.markdown import SHOWN_CHARACTERS, code


def test_ordinary_path_stays_readable():
    assert code("data/train/part-7.csv") == "<code>data/train/part-7.csv</code>"


def test_signs_become_character_references():
    assert code("@a|b<c") == "<code>&#64;a&#124;b&#60;c</code>"


def test_what_would_be_a_link_is_none():
    assert code("www.example.com") == "<code>www&#46;example.com</code>"
    assert code("http://x") == "<code>http&#58;//x</code>"


def test_long_name_shows_both_ends():
    text = code("a" * 500 + "b" * 500)
    assert text == f"<code>{'a' * (SHOWN_CHARACTERS // 2)}&#8230;{'b' * (SHOWN_CHARACTERS // 2)}</code>"


def test_control_characters_are_spelled_out():
    assert code("a\nb\x1b") == "<code>a&#92;nb&#92;x1b</code>"
