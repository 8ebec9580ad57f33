"""How wide lines are, what stands above them, and what is left out."""

from glassformer.show.console import console, heading, left_out, say, shortened


def test_a_console_is_as_wide_as_it_is_told_and_eighty_columns_in_a_pipe(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console().width == 80 and console(100).width == 100 and console(10).width == 40
    monkeypatch.setenv("COLUMNS", "97")
    assert console().width == 97


def test_a_badge_stands_at_the_right_or_below(capsys):
    out = console(40)
    heading(out, "a title", "a badge")
    heading(out, "a title", "a badge that is too long to stand beside it")
    lines = capsys.readouterr().out.split("\n")
    assert lines[1] == "a title" + " " * 26 + "a badge"
    assert lines[3:6] == ["a title", "a badge that is too long to stand beside", "it"]


def test_what_is_said_is_wrapped_and_safe(capsys):
    say(console(40), "word " * 12 + "\x1b[31m", indent=4)
    lines = capsys.readouterr().out.split("\n")[:-1]
    assert all(line.startswith("    word") or "␛" in line for line in lines) and max(map(len, lines)) <= 40


def test_nothing_left_out_is_not_mentioned(capsys):
    left_out(console(40), 0, "rows")
    left_out(console(40), 3, "rows")
    assert capsys.readouterr().out == "  … 3 rows\n"


def test_a_long_text_is_shortened_to_one_line():
    assert shortened("a  b\nc", 10) == "a b c" and shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd", "what just fits is whole"


def test_a_title_with_odd_signs_still_ends_where_the_screen_does(capsys):
    heading(console(40), "\u202ea title\x1b", "a\x07 badge\u200b")
    line = capsys.readouterr().out.split("\n")[1]
    assert line == "\\u202ea title␛" + " " * 12 + "a␇ badge\\u200b" and len(line) == 40


def test_colour_is_left_out_where_somebody_says_so(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert [console(color=color).no_color for color in (None, True, False)] == [False, False, True]
    monkeypatch.setenv("NO_COLOR", "1")
    assert console().no_color and console(color=True).no_color
