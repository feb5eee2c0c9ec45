"""Every link and picture of the built site, followed: does the file exist, and the place in it? Has each picture its words?"""

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src"}


class _Page(HTMLParser):
    """The tags of a page that have an address, each with its attributes, and the places that a link can lead to."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.places: set[str | None] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.places.update(value for name, value in attrs if name in ("id", "name"))
        if tag in ADDRESSES:
            self.tags.append((tag, dict(attrs)))


def broken(site: Path) -> list[str]:
    """A sentence for each link within the site that leads nowhere, file fetched from elsewhere, and picture without words."""

    @cache
    def page(path: Path) -> _Page:
        return _Page(path.read_text(encoding="utf-8"))

    def faults(path: Path) -> Iterator[str]:
        for tag, given in page(path).tags:
            address = given.get(ADDRESSES[tag]) or ""
            parts, shown = urlsplit(address), f"{path.relative_to(site).as_posix()}: {address[:120]}"
            if tag == "img" and not given.get("alt"):
                yield f"{shown} has no text alternative"
            if parts.scheme == "data" or not address:
                continue
            if parts.scheme or parts.netloc:
                if tag != "a":
                    yield f"{shown} is fetched from another site"
                continue
            found = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not found.is_file():
                yield f"{shown} leads to a file that is not there"
            elif parts.fragment and found.suffix == ".html" and unquote(parts.fragment) not in page(found).places:
                yield f"{shown} leads to a place that is not there"

    return [fault for path in sorted(site.rglob("*.html")) for fault in dict.fromkeys(faults(path))]
