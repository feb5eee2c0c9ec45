"""Links in Markdown: where they lead, and what becomes of those that lead nowhere."""

import re
from collections.abc import Callable

# Code comes first: what looks like a link in it is none.
_LINK = re.compile(r"(?s)```.*?```|`[^`\n]*`|(?<!!)\[((?:[^\[\]]|`[^`]*`)+)\]\(([^()\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:|#")


def plain_where_missing(text: str, there: Callable[[str], bool]) -> str:
    """Markdown in which a link to a file that is not there is plain words: what stood between its brackets.

    Args:
        text: links to other sites, and within the page, stay.
        there: whether a link's path, as written and without its anchor, can be followed.
    """

    def link(match: re.Match[str]) -> str:
        words, address = match.groups()
        return match[0] if not address or _ELSEWHERE.match(address) or there(address.partition("#")[0]) else words

    return _LINK.sub(link, text)
