"""Every link and picture of the built site, followed: does the file exist, and the place in it? Has each picture its words?"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src"}


def broken(site: Path) -> list[str]:
    """A sentence for each link within the site that leads nowhere, file fetched from elsewhere, and picture without words."""

    @cache
    def page(path: Path) -> BeautifulSoup:
        return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")

    @cache
    def places(path: Path) -> set[str]:
        return {str(found[name]) for name in ("id", "name") for found in page(path).find_all(attrs={name: True})}

    def faults(path: Path) -> Iterator[str]:
        for tag in page(path).find_all(list(ADDRESSES)):
            address = str(tag.get(ADDRESSES[tag.name], ""))
            parts, shown = urlsplit(address), f"{path.relative_to(site).as_posix()}: {address[:120]}"
            if tag.name == "img" and not tag.get("alt"):
                yield f"{shown} has no text alternative"
            if parts.scheme == "data" or not address:
                continue
            if parts.scheme or parts.netloc:
                if tag.name != "a":
                    yield f"{shown} is fetched from another site"
                continue
            found = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not found.is_file():
                yield f"{shown} leads to a file that is not there"
            elif parts.fragment and found.suffix == ".html" and unquote(parts.fragment) not in places(found):
                yield f"{shown} leads to a place that is not there"

    return [fault for path in sorted(site.rglob("*.html")) for fault in dict.fromkeys(faults(path))]
