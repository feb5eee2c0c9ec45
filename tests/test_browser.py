"""Does a learner who opens the course in a browser get from the start page to a check that says right?

Starts the real command in a copy of what learners have, and drives the system's Chromium. Every wait is for something that
appears in the page. Screenshots go to the folder in FINETUNE_SCREENSHOTS, where there is one.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from helpers.course import lab

REPOSITORY = Path(__file__).resolve().parent.parent
SECONDS = 120  # for the slowest step, a kernel that imports torch on a busy machine
SWITCHES = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ANSWER = '''def trainable_summary(model):
    """How much of the model can learn."""
    sizes = [parameter.numel() for parameter in model.parameters() if parameter.requires_grad]
    return {"tensors": len(sizes), "scalars": sum(sizes)}'''
WRONG = ANSWER.replace("parameter.numel()", "1")  # counts tensors twice
CHECK = "checks.trainable_summary(trainable_summary)"
# Text nodes whose colour is too near to that of the first ground behind them: "words: contrast".
CONTRAST = """outputs => {
  const numbers = colour => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = colour => numbers(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const faint = [];
  for (const output of outputs) {
    const walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const words = walker.currentNode.textContent.trim(), node = walker.currentNode.parentElement;
      if (!words || !node.checkVisibility() || node.disabled) continue;
      const clear = part => (numbers(getComputedStyle(part).backgroundColor)[3] ?? 1) === 0;
      let ground = node;
      while (ground.parentElement && clear(ground)) ground = ground.parentElement;
      const pair = [getComputedStyle(node).color, getComputedStyle(ground).backgroundColor].map(light).sort((a, b) => a - b);
      const contrast = (pair[1] + 0.05) / (pair[0] + 0.05);
      if (contrast < 4.5) faint.push(`${words.slice(0, 40)}: ${contrast.toFixed(1)}`);
    }
  }
  return faint;
}"""


OWN_LOOP = """import time
from helpers.training import live
history = []
for epoch in range(1, 61):
    time.sleep(0.3)  # an epoch's work
    record = {"epoch": epoch, "lr": 0.1, "train_loss": 1 / epoch, "val_loss": 1 / epoch}
    history.append(record | {"train_accuracy": 1 - 0.5 / epoch, "val_accuracy": 1 - 0.6 / epoch})
    if live(history, 60):
        break
print(len(history) < 60)"""
SLIDER = """from helpers import models, plots
plots.released_blocks(models.get("efficientnet_lite0"))"""

# One cell for each kind of view that lessons have.
VIEWS = (
    """from helpers import data, models, plots
from helpers.inspection import probe
import torch
backbone = models.get("efficientnet_lite0")
plots.model_map(backbone, stage=3)""",
    "model = backbone.build(num_classes=10, pretrained=False)",
    """for parameter in model.blocks.parameters():
    parameter.requires_grad = False
batch = torch.randn(2, 3, 64, 64), torch.tensor([1, 2])
plots.xray(probe(model, torch.optim.SGD(model.classifier.parameters(), lr=0.1), batch))""",
    """moments = {"before": model, "after": backbone.build(num_classes=10, pretrained=False, seed=1)}
images, flower = data.course_splits().test, {"flower": data.photos()["flower"]}
plots.explore_predictions(backbone, moments, images, backbone.transform(64), chosen=[1, 2], more=flower)""",
    "plots.released_blocks(backbone)",
    OWN_LOOP.replace("range(1, 61)", "range(1, 4)").replace("60):", "3):").rpartition("print")[0],
    """from helpers.checks import freeze_base
freeze_base.trainable_summary(lambda model: {})""",
    """from helpers.checks import quiz
quiz.ask("q04_count_flags")""",
    """from helpers.course import whereabouts
whereabouts.show("03_freeze_base")""",
)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]  # axe's rules for WCAG 2.2, levels A and AA
# How far each output reaches beyond its own width, in pixels.
BEYOND = "outputs => outputs.map(output => Math.max(0, output.scrollWidth - output.clientWidth))"


@pytest.fixture
def shoot() -> Callable[..., None]:
    """A function that takes a picture of a page, or of a part of one, if FINETUNE_SCREENSHOTS names a folder for it."""
    folder = os.environ.get("FINETUNE_SCREENSHOTS")

    def take(part: Page | Locator, name: str, **options: bool) -> None:
        if folder:
            part.screenshot(path=Path(folder, f"{name}.png"), **options)

    return take


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that the command prints; the server runs as long as the tests."""
    folder = tmp_path_factory.mktemp("browser")
    course = folder / "course"
    course.mkdir()
    for name in ("course.toml", "requirements.txt"):
        shutil.copy(REPOSITORY / name, course)
    for name in ("notebooks", "docs", "solutions", "source"):
        shutil.copytree(REPOSITORY / name, course / name)
    (course / "notebooks" / "live").mkdir()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    for name, sources in {"live": (OWN_LOOP, SLIDER), "views": VIEWS}.items():
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), course / "notebooks" / "live" / f"{name}.ipynb")
    env = {**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data")}
    env.pop("NBGRADER_EXECUTION", None)
    port = lab.free_port(9300)
    command = [sys.executable, "-m", "helpers", "lab", "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, cwd=course, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
        finally:
            process.terminate()
            process.stdout.read()
            assert process.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium here; `apt-get install chromium` brings one")
    assert chromium, "CI must have Chromium: .ci/run installs it"
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing of earlier ones: no cookie, no stored layout."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(SECONDS * 1000)
    yield page
    page.close()


@pytest.mark.timeout(600)
def test_learner_goes_from_start_page_to_a_right_answer(address: str, page, shoot) -> None:
    page.goto(address)
    start = page.locator(".jp-MarkdownViewer")
    expect(start.get_by_role("heading", name="Fine-tuning pre-trained models")).to_be_visible()
    expect(start.locator("tr", has_text="Freeze the base")).to_contain_text("0 of 3")
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    expect(page.locator(".Toastify__toast")).to_have_count(0)
    expect(page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")).to_have_count(1)  # and no launcher
    expect(page.locator(".jp-TableOfContents-tree")).to_contain_text("How a lesson works")
    expect(page.get_by_role("menuitem", name="Nbgrader")).to_have_count(0)  # nothing here is an instructor's
    expect(page.locator(".jp-BreadCrumbs")).to_contain_text("notebooks")
    shoot(page, "start")

    start.locator("tr").get_by_role("link", name="Freeze the base").click()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)  # nobody has touched it
    expect(page.get_by_text("Create Assignment")).to_have_count(0)  # an instructor's
    expect(page.get_by_role("button", name="Validate")).to_have_count(0)
    shoot(page, "lesson")
    page.locator(".jp-Notebook .jp-Cell").first.click()
    run_until(page, CHECK)
    outcome = page.locator(".jp-CodeCell", has_text=CHECK).locator(".jp-OutputArea-output")
    expect(outcome).to_contain_text("trainable_summary: not attempted yet")
    shoot(page, "not_attempted")

    write_answer(page, WRONG)
    run_until(page, CHECK)
    expect(outcome).to_contain_text("trainable_summary: not yet")
    expect(outcome).to_contain_text("expected:")
    check = page.locator(".jp-CodeCell", has_text=CHECK)
    check.get_by_role("button", name="Hint 1 of 3").click()
    expect(outcome).to_contain_text("Hint 1, the idea")
    check.get_by_role("button", name="Solution").click()
    expect(outcome).to_contain_text("def trainable_summary(model: nn.Module)")
    shoot(page, "not_yet")

    write_answer(page, ANSWER)
    run_until(page, CHECK)
    expect(outcome).to_contain_text("trainable_summary: right")
    shoot(page, "right")
    use_theme(page, "JupyterLab Dark")
    assert faint_words(check) == []
    shoot(page, "right_dark")
    insight = page.locator(".alert-success").filter(has_text="Key insight")
    expect(insight).to_have_count(1)
    assert insight.evaluate_all(CONTRAST) == []
    use_theme(page, "JupyterLab Light")
    check.get_by_role("button", name="Reset this exercise").click()
    expect(outcome).to_contain_text("Your text is kept in .course/kept/trainable_summary-")
    expect(page.locator(".cm-content", has_text="def trainable_summary")).to_contain_text("raise NotImplementedError")
    shoot(page, "reset")

    expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(1)
    save(page)
    page.get_by_role("tab", name="START.md").click()  # and no reload
    expect(start.locator("tr", has_text="Freeze the base")).to_contain_text("1 of 3")
    shoot(page, "progress")
    page.locator(".lm-TabBar-tab", has_text="03_freeze_base").locator(".lm-TabBar-tabCloseIcon").click()
    start.get_by_role("link", name="03 · Freeze the base: Exercise 2").click()
    expect(page.get_by_role("heading", name="Exercise 2: freeze the base")).to_be_in_viewport()


@pytest.mark.timeout(600)
def test_learner_runs_an_option_chooses_and_is_marked(address: str, page, shoot) -> None:
    open_alone(page, address, "notebooks/08_quiz/08_quiz.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.click()
    ask, mark = 'quiz.ask("q03_freeze_snippet")', 'quiz.grade("q03_freeze_snippet"'
    run_until(page, ask, one_by_one=True)
    question = page.locator(".jp-CodeCell", has_text=ask)
    question.get_by_role("button", name="Run c").click()
    expect(question.get_by_text("161", exact=True)).to_be_visible()
    question.locator("label").nth(2).click(position={"x": 300, "y": 8})  # anywhere on the card
    expect(question).to_contain_text("Not this one. A module has no such switch.")
    page.keyboard.press("ArrowDown")
    expect(question).to_contain_text("Right. First all are frozen")
    expect(question.locator("input:focus")).to_have_value("d")
    expect(question.locator(".jp-OutputArea [aria-live]")).to_contain_text("Right. First all are frozen")
    expect(page.locator(".cm-content", has_text='q03_freeze_snippet = "d"')).to_have_count(1)
    question.get_by_text("Hint", exact=True).click()
    expect(question.get_by_role("link", name="Three ways to freeze nothing")).to_be_visible()
    expect(question.get_by_text("The flag that counts")).not_to_be_visible()
    question.get_by_text("Solution, step by step").click()
    expect(question.get_by_text("The flag that counts")).to_be_visible()
    question.get_by_role("button", name="Run the quick check").click()
    expect(question.get_by_text("['fc.weight', 'fc.bias']", exact=True)).to_be_visible()
    shoot(page, "quiz")

    page.locator(".jp-CodeCell", has_text=mark).locator(".cm-content").click()  # the answer cell was never run
    page.keyboard.press("Shift+Enter")
    outcome = page.locator(".jp-CodeCell", has_text=mark).locator(".jp-OutputArea-output")
    expect(outcome.first).to_contain_text("q03_freeze_snippet: right (1 of 1 point)")
    shoot(page, "quiz_marked")

    by_hand = 'q03_freeze_snippet = "d"  # my own words'
    write_answer(page, by_hand, cell='q03_freeze_snippet = "d"')
    question.locator("label").nth(0).click(position={"x": 300, "y": 8})
    expect(question).to_contain_text("which you wrote yourself: that counts")
    expect(page.locator(".cm-content", has_text=by_hand)).to_have_count(1)

    use_theme(page, "JupyterLab Dark")
    assert faint_words(question) == []
    shoot(page, "quiz_dark")
    use_theme(page, "JupyterLab Light")
    save(page)
    page.reload()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    expect(question.get_by_text("After which lines does the count below print 2?")).to_be_visible()
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    expect(page.locator(".cm-content", has_text='q03_freeze_snippet = "d"')).to_have_count(1)
    shoot(page, "quiz_reopened")


@pytest.mark.timeout(600)
def test_learner_stops_a_loop_moves_a_slider_and_finds_both_again(address: str, page, shoot) -> None:
    open_alone(page, address, "notebooks/live/live.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.click()
    loop, slider = page.locator(".jp-CodeCell").first, page.locator(".jp-CodeCell").nth(1)
    page.keyboard.press("Shift+Enter")
    expect(loop).to_contain_text(re.compile(r"epoch \d+ of 60.* s left"))
    shoot(page, "live")
    loop.get_by_role("button", name="Stop").click()
    expect(loop).to_contain_text(re.compile(r"Stopped after \d+ of 60 epochs. Best: epoch"))
    expect(loop).to_contain_text("True")
    expect(loop.locator(".jp-OutputArea button")).to_have_count(0)
    slider.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    slider.get_by_label("released blocks").focus()
    page.keyboard.press("ArrowLeft")
    expect(slider).to_contain_text("n = 3: the last 3 blocks and the head are trainable")
    use_theme(page, "JupyterLab Dark")
    assert faint_words(slider) + faint_words(loop) == []
    shoot(page, "live_dark")
    use_theme(page, "JupyterLab Light")
    save(page)
    page.reload()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    expect(slider).to_contain_text("n = 2: the last 2 blocks and the head are trainable")
    expect(loop).to_contain_text("Stopped after")
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    shoot(page, "live_reopened")


@pytest.mark.timeout(600)
def test_views_follow_the_kernel_take_keys_and_have_no_serious_finding_of_axe(address: str, page, shoot) -> None:
    page.set_viewport_size({"width": 1280, "height": 5000})  # axe judges no contrast of what is not on the screen
    open_alone(page, address, "notebooks/live/views.ipynb")
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    the_map, _, xray, explorer, *_, board = (page.locator(".jp-CodeCell").nth(place) for place in range(len(VIEWS)))
    expect(board).to_contain_text("Exercise 2: freeze the base")
    block = the_map.locator("[data-opens='blocks.6.0']")
    expect(block).to_have_accessible_name("blocks.6.0, 605,440 parameters, frozen")  # the cell below the map has frozen it
    block.focus()
    page.keyboard.press("Enter")
    expect(the_map.get_by_role("group", name="blocks.6.0")).to_contain_text("train, statistics move")
    shoot(the_map.locator(".jp-OutputArea-output"), "map")
    row = xray.locator("button[data-opens='blocks.6.0']")
    row.focus()
    page.keyboard.press("Enter")
    expect(xray).to_contain_text("frozen, but in train mode: every forward pass moves the statistics")
    expect(xray.locator("tr[data-panel='blocks.6.0']")).to_contain_text("BatchNorm")
    shoot(xray.locator(".jp-OutputArea-output"), "xray")
    explorer.get_by_label("moment of the model").focus()
    page.keyboard.press("ArrowLeft")
    expect(explorer).to_contain_text("image 1 · before")
    explorer.get_by_role("button", name="flower").press("Enter")
    expect(explorer).to_contain_text("nobody said what it is")
    own = {"name": "own.png", "mimeType": "image/png", "buffer": xray.screenshot()}
    explorer.locator("input[type=file]").set_input_files(own)
    expect(explorer).to_contain_text("your image · before")
    shoot(explorer.locator(".jp-OutputArea-output"), "prediction")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        use_theme(page, theme)
        assert serious_findings(page) == [], theme
        shoot(page, f"views_{theme.split()[1].lower()}")
    use_theme(page, "JupyterLab Light")
    page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    page.set_viewport_size({"width": 640, "height": 450})  # what a page of 1280 x 900 has at 200 % zoom
    assert page.locator(".jp-OutputArea-output").evaluate_all(BEYOND) == [0] * (len(VIEWS) - 1)
    shoot(page, "views_200_percent")
    page.set_viewport_size({"width": 1280, "height": 900})
    the_map.get_by_role("button", name="Keep the map in view").click()
    expect(page.locator(".jp-LinkedOutputView")).to_contain_text("Your model, block by block")
    shoot(page, "map_in_view")


def serious_findings(page) -> list[str]:
    """What axe-core finds in the outputs of a notebook, of serious and of critical impact: "rule: element"."""
    from axe_playwright_python.sync_playwright import Axe

    # JupyterLab's body has no height and hides what overflows it: axe would take all words for hidden, and judge no contrast.
    page.evaluate("() => { document.body.style.height = '100vh'; }")
    response = Axe().run(page, context=".jp-OutputArea-output", options={"runOnly": WCAG}).response
    assert sum(len(one["nodes"]) for one in response["passes"] if one["id"] == "color-contrast") > 100, "words were looked at"
    found = response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:200]}" for one in serious for node in one["nodes"]]


def open_alone(page, address: str, path: str) -> None:
    """Open this notebook and no tab of an earlier test, and wait for its kernel."""
    page.goto(f"{address.replace('START.md', path)}&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def use_theme(page, name: str) -> None:
    page.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", name)
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)  # it lies over all until the theme is there


def faint_words(part) -> list[str]:
    """The words in a part of the page that have less contrast with their ground than WCAG's AA asks for, with their contrast."""
    return part.locator(".jp-OutputArea-output").evaluate_all(CONTRAST)


def write_answer(page, source: str, *, cell: str = "def trainable_summary") -> None:
    """Replace what stands in the answer cell, which is found by words in it."""
    page.locator(".cm-content", has_text=cell).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(source)


def run_until(page, text: str, *, one_by_one: bool = False) -> None:
    """Press Shift + Enter, cell by cell, up to and including the cell that contains `text`.

    Cells that are waiting when one before them fails are not run; `one_by_one` lets none wait.
    """
    active = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    for _ in range(50):  # no lesson has more cells
        last = text in active.inner_text()
        number = active.get_attribute("data-windowed-list-index")
        page.keyboard.press("Shift+Enter")
        expect(active).not_to_have_attribute("data-windowed-list-index", number)
        if one_by_one:
            expect(page.locator(".jp-InputPrompt", has_text="[*]")).to_have_count(0)
        if last:
            return
    raise AssertionError(f"no cell contains {text!r}")


def save(page) -> None:
    """Save the notebook, so that the browser leaves the page without asking."""
    page.keyboard.press("ControlOrMeta+s")
    page.locator(".lm-TabBar-tab.jp-mod-dirty").wait_for(state="detached")
