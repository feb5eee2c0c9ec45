"""Does a saved notebook show plain HTML, and nothing that needs the kernel it came from?"""

import pytest

from helpers.course import live_view, saved_page

VIEW = {"model_id": "abc", "version_major": 2, "version_minor": 0}


def notebook(*outputs):
    cells = [{"cell_type": "code", "outputs": list(outputs)}, {"cell_type": "markdown"}]
    return {"type": "notebook", "content": {"cells": cells, "metadata": {"widgets": {}, "language_info": {}}}}


def test_a_view_goes_and_what_stands_beside_it_stays():
    text = {"output_type": "stream", "name": "stdout", "text": "1"}
    model = notebook({"data": {"text/html": "<b>card</b>", "text/plain": "card", live_view.VIEW_MIME: VIEW}}, text)
    saved_page.keep_plain(model, path="x.ipynb")
    assert model["content"]["cells"][0]["outputs"] == [{"data": {"text/html": "<b>card</b>", "text/plain": "card"}}, text]
    assert model["content"]["metadata"] == {"language_info": {}}


OTHERS = [{"type": "file", "content": "text"}, {"type": "directory"}, {"type": "notebook", "content": None}]


@pytest.mark.parametrize("model", OTHERS)
def test_other_files_are_let_be(model):
    before = dict(model)
    saved_page.keep_plain(model)
    assert model == before


PAGES = [("", "", "", False), ("1", "a", "", True), ("", "a", "", False), ("1", "", "", False), ("1", "a", "validate", False)]


@pytest.mark.parametrize(("server", "session", "execution", "page"), PAGES)
def test_a_view_is_for_notebooks_that_our_own_server_has_opened(server, session, execution, page, monkeypatch):
    monkeypatch.setenv(live_view.SERVER, server)
    monkeypatch.setenv("JPY_SESSION_NAME", session)
    monkeypatch.setenv("NBGRADER_EXECUTION", execution)
    assert live_view.has_page() == page


def test_without_the_package_that_shows_views_there_is_none(monkeypatch):
    monkeypatch.setenv(live_view.SERVER, "1")
    monkeypatch.setenv("JPY_SESSION_NAME", "a")
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(live_view, "find_spec", lambda name: None)
    assert not live_view.has_page()


def test_a_view_draws_and_tells_what_was_pressed():
    told = []
    view = live_view.LiveView("<b>1</b>", lambda do, value: told.append((do, value)))
    view.draw("<b>2</b>", "two")
    assert (view.widget.html, view.widget.said, view.widget.turn) == ("<b>2</b>", "two", 1)
    view.widget._handle_custom_msg({"do": "run", "value": "a"}, [])
    assert told == [("run", "a")]
