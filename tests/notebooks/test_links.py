"""Does a link that leads nowhere become plain words, and every other one stay?"""

import pytest

from helpers.notebooks.links import plain_where_missing


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("see [the page](there.md)", "see [the page](there.md)"),
        ("see [the page](there.md#place)", "see [the page](there.md#place)"),
        ("see [the page](gone.md#place).", "see the page."),
        ("| [`a_b`](gone.md), [on](there.md) |", "| `a_b`, [on](there.md) |"),
        ("[far](https://example.org/gone.md) and [here](#place)", "[far](https://example.org/gone.md) and [here](#place)"),
        ("![a picture](gone.svg)", "![a picture](gone.svg)"),
        ("`x[0](y)`", "`x[0](y)`"),
    ],
)
def test_a_link_to_a_file_that_is_not_there_is_plain_words(text, plain):
    assert plain_where_missing(text, lambda path: path == "there.md") == plain
