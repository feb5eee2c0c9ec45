"""Pictures pasted into a text cell, which Jupyter keeps as the cell's attachments: which of them stay, under which names.

A page takes them in as they are. So only pictures stay that cannot run anything, and a reference whose picture is not there
becomes words: nbconvert makes no page at all of a notebook with such a reference.
"""

import base64
import binascii
import re
from typing import Any
from urllib.parse import quote, unquote

PREFIX = "attachment:"
# Kinds of pictures, and how their content begins. An SVG may hold scripts.
BEGINNINGS = {"image/png": b"\x89PNG\r\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}
SAFE = ":/?#@!$&()*+,;=%'"  # what mistune, nbconvert's reader of Markdown, leaves in an address as it is
_REFERENCE = re.compile(r"attachment:(?:(?<=<attachment:)([^<>\n]+)(?=>)|([^\s()<>\"'\]]+(?:\([^\s()]*\)[^\s()<>\"'\]]*)*))")
_IMAGE = r"!\[(?P<alt>[^\]\n]*)\]\(\s*<?attachment:{name}>?(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)"

Pictures = dict[str, dict[str, str]]  # name -> kind -> content in base64, as a notebook has them


def references(source: str) -> list[str]:
    """The names of the pictures that a text shows, as they are written there, each once."""
    found = (match[1] or match[2] for match in _REFERENCE.finditer(source))
    return list(dict.fromkeys(found))


def lost(source: str, attached: Any) -> list[str]:
    """The names that a text refers to without their picture being among what is attached."""
    attached = attached if isinstance(attached, dict) else {}
    return [name for name in references(source) if name not in attached and unquote(name) not in attached]


def kept(source: str, attached: Any) -> tuple[str, Pictures]:
    """(the text, its pictures) of a learner's cell: plain pictures under the names by which the text finds them.

    Jupyter finds "my plot.png" by ``my%20plot.png``; nbconvert looks for the very letters of the reference, with all but ASCII
    escaped. So a picture is there under each of its spellings that the text may need.
    """
    if PREFIX not in source:
        return source, {}
    plain = {
        name: found for name, forms in (attached if isinstance(attached, dict) else {}).items() if (found := _picture(forms))
    }
    pictures: Pictures = {}
    for name in references(source):
        found = plain.get(name) or plain.get(unquote(name))
        if found:
            pictures |= {spelling: found for spelling in (name, quote(unquote(name), safe=SAFE), quote(name, safe=SAFE))}
        else:
            source = _in_words(source, name)
    return source, pictures


def _picture(forms: Any) -> dict[str, str] | None:
    """One form of an attachment that is what it says, and can run nothing."""
    for kind, content in forms.items() if isinstance(forms, dict) else ():
        kind = {"image/jpg": "image/jpeg"}.get(kind, kind)
        content = "".join(content) if isinstance(content, list) and all(isinstance(part, str) for part in content) else content
        if kind in BEGINNINGS and isinstance(content, str):
            try:
                data = base64.b64decode("".join(content.split()), validate=True)
            except (binascii.Error, ValueError):
                continue
            if data.startswith(BEGINNINGS[kind]):
                return {kind: base64.b64encode(data).decode("ascii")}
    return None


def _in_words(source: str, name: str) -> str:
    """The text with words in the place of a picture that is not there, whatever refers to it."""
    shown = re.sub(r"[^\w .()-]", "_", unquote(name))[:80]
    words = f"(the picture {shown} is not in the notebook, or is of a kind that is not shown)"
    source = re.sub(_IMAGE.format(name=re.escape(name)), lambda match: f"{match['alt']} {words}".strip(), source)
    return source.replace(f"{PREFIX}{name}", f"lost-picture-{quote(shown)}")
