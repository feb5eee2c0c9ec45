"""Is what somebody else wrote one line of plain text, on which all that is odd is seen?"""

import pytest

from helpers.course.one_line import one_line

# text -> what is shown
SHOWN = {
    "": "", "Ada Lovelace": "Ada Lovelace", "名前 é": "名前 é", "a\N{NO-BREAK SPACE}b": "a b",
    "ada: 14 of 14\nben: 0 of 14": r"ada: 14 of 14\nben: 0 of 14", "a\r\x1b[2Jb": r"a\r\x1b[2Jb", "a\u2028b": r"a\u2028b",
    "\u202eeve": r"\u202eeve", "\u2066x\u2069": r"\u2066x\u2069", "half \ud800": r"half \ud800", "\0": r"\x00",
    "می\u200cخواهم": "می\u200cخواهم", "👩\u200d🔬": "👩\u200d🔬",
}  # fmt: skip


@pytest.mark.parametrize("text", SHOWN)
def test_what_cannot_be_seen_is_spelt(text):
    assert one_line(text) == SHOWN[text]
    assert one_line(text).encode().decode().splitlines() in ([], [SHOWN[text]])


def test_a_long_text_is_cut_and_says_so_and_anything_has_a_text():
    assert one_line("x" * 50, 10) == "x" * 10 + " ..."
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line(ValueError("a\nb")) == r"a\nb"
