"""How long the course's commands take to start: ``python -m helpers bench start``.

A command's seconds are those of a processor in it and all that it starts; beside them those of a clock. For JupyterLab the clock
runs from the command until the start page is shown in a browser, where there is one to drive: Playwright and Chromium, as for the
tests. A lesson's first cell is run as soon as its kernel is there, and in another kernel after so long as it takes to read the
first lines; the clock runs while the cell does.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from helpers.course import lab, settings
from helpers.course.errors import CourseError

SHOWN = ".jp-MarkdownViewer h1"  # the start page's heading in JupyterLab
PAUSES = {"first cell at once": 0, "first cell 10 s later": 10}  # seconds in which a learner reads
SWITCHES = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def run(lesson: str, rounds: int) -> dict[str, dict[str, float]]:
    """Measure and print; what was started -> ``{"cpu": seconds, "wall": seconds}``, medians of rounds in turn."""
    root = settings.root()
    notebook = root / "solutions" / lesson / f"{lesson}.ipynb"
    if not notebook.is_file():
        raise CourseError(f"There is no solved lesson {lesson!r}: take one of solutions/.")
    commands = {"doctor": ["doctor"], f"check {lesson}": ["check", str(notebook)], "build --check": ["build", "--check"]}
    looks = {title: lambda line=line: _command(root, line) for title, line in commands.items()}
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    looks |= {"lab to start page": lambda: _lab(root, browser)} if browser else {}
    looks |= {title: lambda seconds=seconds: _first_cell(notebook, root, seconds) for title, seconds in PAUSES.items()}
    found: dict[str, list[tuple[float, float]]] = {title: [] for title in looks}
    for _ in range(rounds):
        for title, look in looks.items():
            found[title].append(look())
    medians = {title: [statistics.median(part) for part in zip(*seconds, strict=True)] for title, seconds in found.items()}
    for title, (cpu, wall) in medians.items():
        print(f"{title:<24} {cpu:6.2f} s of a processor {wall:6.2f} s")
    return {title: {"cpu": cpu, "wall": wall} for title, (cpu, wall) in medians.items()}


def _command(root: Path, line: list[str]) -> tuple[float, float]:
    """Seconds (of a processor, of a clock) of one command."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-m", "helpers", *line], cwd=root, capture_output=True)
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, wall


def _lab(root: Path, browser: str) -> tuple[float, float]:
    """The same of JupyterLab, the browser's left out of the processor's."""
    import psutil
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=browser, args=SWITCHES).new_page()
        began = time.perf_counter()
        line = [sys.executable, "-m", "helpers", "lab", "--no-browser"]
        with subprocess.Popen(line, cwd=root, stdout=subprocess.PIPE, text=True) as course:
            address = next(filter(None, (re.search(r"http://\S+", said) for said in course.stdout)))[0]
            page.goto(address, wait_until="commit")
            page.wait_for_selector(SHOWN, timeout=120_000)
            wall, us = time.perf_counter() - began, psutil.Process(course.pid)
            times = [process.cpu_times() for process in (us, *us.children(recursive=True))]
            course.terminate()
            course.communicate()
        page.context.browser.close()
    return sum(sum(one[:4]) for one in times), wall


def _first_cell(notebook: Path, root: Path, pause: float) -> tuple[float, float]:
    """The same of a notebook's first code cell, its kernel opened by a page `pause` seconds before."""
    import nbformat
    import psutil
    from jupyter_client.manager import start_new_kernel

    cell = next(cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code")
    env = lab.environment(root, token="") | {"JPY_SESSION_NAME": str(notebook)}
    manager, client = start_new_kernel(env=env, stderr=subprocess.DEVNULL)
    try:
        time.sleep(pause)
        kernel = psutil.Process(manager.provisioner.pid)
        before, began = kernel.cpu_times(), time.perf_counter()
        client.execute_interactive(cell.source, output_hook=lambda _: None)
        wall, after = time.perf_counter() - began, kernel.cpu_times()
        return after.user + after.system - before.user - before.system, wall
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
