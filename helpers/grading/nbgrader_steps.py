"""Reading, transplanting, running and judging a submission, as parts that nbgrader plugs in (see ``nbgrader_config.py``)."""

import os
from html import escape
from pathlib import Path
from time import monotonic
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Integer, Unicode

from helpers.checks.display import box
from helpers.checks.report import LOOKS, NOT_YET, REPORT_MIME
from helpers.course.machine import ONE_THREAD
from helpers.course.one_line import one_line
from helpers.course.variants import LEARNER
from helpers.grading.submission.inert import make_inert
from helpers.grading.submission.preflight import admit
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY, Refused
from helpers.notebooks.kernels import own_kernel
from helpers.notebooks.released import stamp
from helpers.notebooks.run_cells import NotebookRun, RunLimits
from helpers.notebooks.transplant import notes_of, transplant
from helpers.notebooks.verdicts import OVER_TIME, Verdict, verdict


class SubmissionExporter(NotebookExporter):
    """nbgrader's reader and writer of submissions, with the preflight in front.

    A file that is refused is passed on as an empty notebook with the reason in its metadata: it
    becomes the released notebook with 0 in every test cell, so that marks, formgrader and feedback all say why.
    """

    refused = Unicode("", help="The reason, where the submission is known to be no notebook at all.").tag(config=True)

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> tuple[str, ResourcesDict]:
        """Read a learner's file with care; what nbgrader itself wrote is read as usual."""
        if not getattr(self.parent, "_sanitizing", False):
            return super().from_filename(filename, resources=resources, **kwargs)
        path = Path(filename)
        resources = ResourcesDict() if resources is None else resources
        resources["metadata"] = ResourcesDict(name=path.stem, path=str(path.parent))
        try:
            if self.refused:
                raise Refused(self.refused)
            submitted = admit(path)
        except Refused as reason:
            self.log.warning("%s was refused: %s", filename, reason)
            submitted = new_notebook(metadata={KEY: {"refused": str(reason)}})
        return self.from_notebook_node(submitted, resources=resources, **kwargs)


class Stamp(NbGraderPreprocessor):
    """Note in what learners are handed how its cells read: see `helpers.notebooks.released.stamp`."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        stamp(nb)
        return nb, resources


class Transplant(NbGraderPreprocessor):
    """Replace a submission by the released notebook with the learner's answers in it."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        directory = self.parent.parent.coursedir
        names = resources["nbgrader"]
        folder = Path(directory.format_path(directory.release_directory, ".", names["assignment"]))
        release = masters.read(folder / f"{names['notebook']}.ipynb")
        refused = nb.metadata.get(KEY, {}).get("refused", "")
        graded = transplant(release, nb)
        if refused:
            notes_of(graded)[:] = [one_line(refused)]
            graded.metadata[KEY]["refused"] = one_line(refused)
        for note in notes_of(graded):
            self.log.warning("%s: %s", names["student"], note)
        return graded, resources


class RunCells(Execute):
    """nbgrader's Execute, its settings included, with our own loop and limits that hold; what was refused is not run."""

    notebook_timeout = Integer(900, help="Seconds for all cells of one notebook together.").tag(config=True)
    output_limit = Integer(1_000_000, help="Bytes of output kept per cell.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        if nb.metadata.get(KEY, {}).get("refused"):
            return nb, resources
        began = monotonic()
        # One thread, and whose variant of the course.
        env = {**os.environ, **ONE_THREAD, LEARNER: resources["nbgrader"]["student"]}
        limits = RunLimits(self.timeout, self.notebook_timeout, self.output_limit, self.iopub_timeout)
        with own_kernel(resources["metadata"]["path"], env, nb.metadata.get("kernelspec", {}).get("name", "python3")) as kernel:
            trouble = NotebookRun(nb, kernel, limits).run()
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                # What is printed in there may come from a thread that an answer has left.
                cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]
        notes = notes_of(nb)
        nb.metadata[KEY]["seconds"] = round(monotonic() - began, 1)  # for the class report
        for number, cell in enumerate(nb.cells, start=1):
            late = [output.evalue for output in cell.get("outputs", []) if output.get("ename") == OVER_TIME]
            notes.extend(f"cell {number} ({cell.id}): {words}" for words in late)
        notes.extend([trouble] if trouble else [])
        make_inert(nb)
        return nb, resources


class Verdicts(NbGraderPreprocessor):
    """Leave in each test cell exactly one plain mark that nbgrader's own reading takes as it is."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        refused = nb.metadata.get(KEY, {}).get("refused", "")
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                points = float(cell.metadata.nbgrader.points)
                found = Verdict(0.0, points, refused) if refused else verdict(cell.outputs, points)
                if found.odd:
                    notes_of(nb).append(f"{cell.metadata.nbgrader.grade_id}: {found.note}")
                cell.outputs = _outputs(cell.outputs, found, cell.metadata.nbgrader.grade_id.removeprefix("test_"))
        return nb, resources


def _outputs(outputs: list[NotebookNode], found: Verdict, exercise: str) -> list[NotebookNode]:
    """The cell's outputs with warnings made harmless, the note in words and for programs, and the mark as the only result."""
    kept = [output for output in outputs if output.output_type in ("stream", "display_data")]
    for output in kept:
        if output.output_type == "stream":
            output.name = "stdout"  # nbgrader gives 0 for anything on stderr (its pull request 1904)
    if found.note:
        words = f"{found.score:g} of {found.points:g} points: {found.note}"
        data = {"text/plain": words, "text/html": box(LOOKS[NOT_YET], content=escape(words))}
        data[REPORT_MIME] = {"exercise": exercise, "status": NOT_YET, "trouble": found.note, "aspects": []}
        kept.append(new_output("display_data", data))
    return [*kept, new_output("execute_result", {"text/plain": repr(found.score)}, execution_count=None)]
