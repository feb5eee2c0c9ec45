"""Do pasted pictures stay that can do no harm, and does nbconvert find each of them, or words in its place?"""

import base64
import io

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook
from PIL import Image

from helpers.notebooks import attachments


def picture(kind="PNG"):
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (200, 30, 30)).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


PNG = picture()
SVG = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>").decode()


def page(source, attached):
    """What nbconvert, by which formgrader and feedback are made, shows of a cell."""
    text, pictures = attachments.kept(source, attached)
    cell = new_markdown_cell(text, attachments=pictures) if pictures else new_markdown_cell(text)
    return HTMLExporter(template_name="basic").from_notebook_node(new_notebook(cells=[cell]))[0]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("![a](attachment:a.png)", "a.png"),
        ("![a](attachment:a.png 'its title') and ![a](attachment:a.png)", "a.png"),
        ("![a](attachment:my%20first%20plot.png)", "my first plot.png"),
        ("![a](<attachment:my first plot.png>)", "my first plot.png"),
        ("![a](attachment:für-猫.png)", "für-猫.png"),
        ("![a](attachment:f%C3%BCr.png)", "für.png"),
        ("![a](attachment:plot(1).png)", "plot(1).png"),
        ("![a][ref]\n\n[ref]: attachment:a.png", "a.png"),
    ],
)
def test_a_picture_is_shown_however_it_is_spelled(reference, name):
    assert f"data:image/png;base64,{PNG}" in page(reference, {name: {"image/png": PNG}})


@pytest.mark.parametrize(
    ("kind", "name"), [("PNG", "image/png"), ("JPEG", "image/jpg"), ("GIF", "image/gif"), ("WEBP", "image/webp")]
)
def test_plain_pictures_stay(kind, name):
    assert "data:image/" in page("![a](attachment:a)", {"a": {name: picture(kind)}})


@pytest.mark.parametrize(
    "attached",
    [
        None,
        {},
        "text",
        {"a.png": None},
        {"a.png": {"image/png": "no base64!"}},
        {"a.png": {"image/png": 7}},
        {"a.png": {"image/png": SVG}},
        {"a.png": {"image/svg+xml": SVG}},
        {"a.png": {"text/html": PNG}},
    ],
)
@pytest.mark.parametrize("reference", ["![what I saw](attachment:a.png)", "![what I saw][r]\n\n[r]: attachment:a.png"])
def test_what_is_lost_or_could_run_becomes_words(attached, reference):
    shown = page(f"before {reference} after", attached)
    assert "before" in shown and "what I saw" in shown and "a.png" in shown
    assert "data:" not in shown and "svg" not in shown


def test_of_several_forms_the_plain_one_stays():
    assert attachments.kept("![a](attachment:a)", {"a": {"image/svg+xml": SVG, "image/png": PNG}})[1] == {"a": {"image/png": PNG}}


def test_a_text_without_pictures_stays_as_it_is():
    assert attachments.kept("an attachment: see below", {"a": {"image/png": PNG}}) == ("an attachment: see below", {})
