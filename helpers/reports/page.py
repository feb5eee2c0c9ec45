"""The pieces of a report page: one HTML file that reads on a phone, prints on paper, and loads nothing from anywhere."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from helpers.plots.look import BLUE, GREEN, INK, PALE, PAPER, SOFT_INK, VERMILLION, text_alternative
from helpers.reports.claims import NOT_MEASURED, NOT_SUPPORTED, SUPPORTED, Claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image

DOTS = 130  # per inch: sharp enough on paper, and some 50 kB a figure
DARK_ORANGE = "#A84A00"  # vermillion, darkened until small words in it are legible on white (contrast 5.8 : 1)
LOOKS = {
    SUPPORTED: ("\N{CHECK MARK}", GREEN),
    NOT_SUPPORTED: ("\N{MULTIPLICATION SIGN}", DARK_ORANGE),
    NOT_MEASURED: ("?", SOFT_INK),
}
# The browser is told to run no script and to load nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: {PAPER}; color: {INK}; font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
main {{ max-width: 52rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }}
header {{ border-top: 6px solid {BLUE}; padding-top: 1.2rem; }}
h1 {{ font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; }}
h2 {{ font-size: 1.3rem; line-height: 1.3; margin: 2.6rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid {PALE}; }}
p {{ margin: .5rem 0; }}
.lead, .soft, figcaption {{ color: {SOFT_INK}; }}
.lead {{ font-size: 1.08rem; }}
.scale {{ position: relative; height: 1.5rem; margin: 1.6rem 0 .4rem; background: #F5F7FA; border-radius: 4px; }}
.scale i {{ position: absolute; top: 0; bottom: 0; width: 4px; margin-left: -2px; border-radius: 2px; }}
.scale b {{ position: absolute; top: 0; bottom: 0; background: {BLUE}33; border-radius: 4px; }}
.ends {{ display: flex; justify-content: space-between; color: {SOFT_INK}; font-size: .85rem; }}
.key {{ list-style: none; padding: 0; margin: .8rem 0 0; display: grid; gap: .9rem;
  grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); }}
.key li {{ border-left: 5px solid; padding-left: .7rem; line-height: 1.35; }}
.key strong {{ display: block; font-size: 1.75rem; line-height: 1.15; font-variant-numeric: tabular-nums; }}
.claims {{ list-style: none; padding: 0; margin: 0; }}
.claims li {{ display: grid; grid-template-columns: 2.1rem 1fr; gap: 0 .7rem; padding: .75rem 0; border-bottom: 1px solid {PALE};
  break-inside: avoid; }}
.sign {{ width: 2rem; height: 2rem; border-radius: 50%; color: {PAPER}; display: grid; place-items: center; font-weight: 700; }}
.outcome {{ font-size: .85rem; font-weight: 600; white-space: nowrap; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .25rem 1.1rem .25rem 0; border-bottom: 1px solid {PALE}; white-space: nowrap; }}
.number {{ text-align: right; }}
tr:last-child td {{ border-bottom: 0; }}
th {{ color: {SOFT_INK}; font-weight: 600; font-size: .9rem; }}
figure {{ margin: 1rem 0; break-inside: avoid; }}
figure .wide img {{ display: block; width: 100%; min-width: 30rem; height: auto; }}
figcaption {{ font-size: .92rem; line-height: 1.45; margin-top: .3rem; }}
details {{ font-size: .9rem; color: {SOFT_INK}; margin-top: .2rem; }}
summary {{ cursor: pointer; }}
.pair {{ display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: flex-start; }}
.pair .photos {{ flex: 1 1 20rem; }}
.photos {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(6.2rem, 1fr)); gap: 1rem .8rem; margin: 1rem 0; }}
.photos figure {{ margin: 0; }}
.photos img {{ width: 100%; aspect-ratio: 1; object-fit: contain; background: #F5F7FA; border-radius: 4px; display: block; }}
footer {{ margin-top: 3rem; padding-top: .8rem; border-top: 1px solid {PALE}; color: {SOFT_INK}; font-size: .9rem; }}
@media (max-width: 34rem) {{ body {{ font-size: 16px; }} h1 {{ font-size: 1.6rem; }} main {{ padding: 1rem 1rem 2rem; }} }}
@media print {{
  @page {{ margin: 16mm 15mm; }}
  body {{ font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  main {{ max-width: none; padding: 0; }}
  h2 {{ break-after: avoid; margin-top: 1.6rem; }}
  .wide {{ overflow: visible; }}
  figure .wide img {{ min-width: 0; max-height: 22cm; object-fit: contain; }}
  .photos {{ grid-template-columns: repeat(6, 1fr); }}
  details {{ display: none; }}
}}
"""


def page(title: str, lead: str, sections: Iterable[tuple[str, str]], foot: str) -> str:
    """The whole file; `sections` are (heading, HTML) pairs, the other arguments plain text."""
    body = "\n".join(f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>" for heading, content in sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n'
        f'<header>\n<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n</header>\n{body}\n'
        f"<footer>{escape(foot)}</footer>\n</main>\n</body>\n</html>\n"
    )


def paragraphs(*texts: str) -> str:
    """Plain sentences as paragraphs."""
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts)


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row is its heading, the first column names the rows; columns of numbers are set to the right."""
    numeric = [all(re.fullmatch(r"[\d.,]*%?", row[column]) for row in rows[1:]) for column in range(len(rows[0]))]
    sides = ["", *(' class="number"' if flag else "" for flag in numeric[1:])]
    head = "".join(f'<th scope="col"{side}>{escape(cell)}</th>' for side, cell in zip(sides, rows[0], strict=True))
    lines = ("".join(f"<td{side}>{escape(cell)}</td>" for side, cell in zip(sides, row, strict=True)) for row in rows[1:])
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'


def figure(ax: Axes, caption: str, width: int = 46) -> str:
    """A picture with its caption and, for whoever cannot see it, its words. The figure is closed.

    Args:
        ax: what was drawn.
        caption: plain text.
        width: the most that it takes on a wide screen, in letters' heights (rem).
    """
    from matplotlib import pyplot as plt

    file = io.BytesIO()
    drawn = ax.get_figure(root=True)
    drawn.savefig(file, format="png", dpi=DOTS, facecolor=PAPER)
    plt.close(drawn)
    words = escape(text_alternative(ax))
    return (
        f'<figure style="max-width:{width}rem"><div class="wide"><img alt="{words}" src="{_data(file.getvalue())}"></div>'
        f"<figcaption>{escape(caption)}</figcaption>\n<details><summary>In words</summary>{words}</details></figure>"
    )


def photos(images: Sequence[tuple[Image, str]]) -> str:
    """Small pictures side by side, each with its caption."""
    return f'<div class="photos">{"".join(_photo(image, caption) for image, caption in images)}</div>'


def _photo(image: Image, caption: str) -> str:
    from PIL import ImageOps

    file = io.BytesIO()
    ImageOps.contain(image.convert("RGB"), (224, 224)).save(file, format="PNG")
    caption = escape(caption)
    return f'<figure><img alt="{caption}" src="{_data(file.getvalue())}"><figcaption>{caption}</figcaption></figure>'


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def claims(found: Iterable[Claim]) -> str:
    """The claims as a list: a sign, the sentence, the outcome in a word, and the numbers."""
    items = []
    for claim in found:
        sign, colour = LOOKS[claim.outcome]
        items.append(
            f'<li><span class="sign" aria-hidden="true" style="background:{colour}">{sign}</span><div>'
            f"<strong>{escape(claim.sentence)}</strong> "
            f'<span class="outcome" style="color:{colour}">{claim.outcome}</span><br>{escape(claim.evidence)}</div></li>'
        )
    return f'<ul class="claims">{"".join(items)}</ul>'


def scale(marks: Sequence[tuple[str, float, str]], interval: tuple[float, float]) -> str:
    """Accuracies on a line from 0 to 1, with a band for the first one's interval; then each with its words.

    Args:
        marks: (name, accuracy in [0, 1], what is said about it), at most three.
        interval: (low, high) around the first.
    """
    colours = (BLUE, VERMILLION, SOFT_INK)
    low, high = interval
    words = "; ".join(f"{name} {value:.2f}" for name, value, _ in marks)
    band = f'<b style="left:{low:.1%};width:{high - low:.1%}"></b>'
    ticks = "".join(f'<i style="left:{m[1]:.1%};background:{colour}"></i>' for m, colour in zip(marks, colours, strict=False))
    items = "".join(
        f'<li style="border-color:{colour}">{escape(name)}<strong>{value:.2f}</strong>'
        f'<span class="soft">{escape(said)}</span></li>'
        for (name, value, said), colour in zip(marks, colours, strict=False)
    )
    return (
        f'<div class="scale" role="img" aria-label="On a line from 0 to 1: {escape(words)}.">{band}{ticks}</div>'
        f'<div class="ends"><span>0: none right</span><span>1: all right</span></div><ul class="key">{items}</ul>'
    )
