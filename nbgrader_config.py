"""nbgrader's settings for this course: every nbgrader command and formgrader read them when started in this folder.

What a class needs beyond stock nbgrader hangs on its own extension points, so `nbgrader autograde` and
`python -m helpers grade` mark in the same way.
"""

import os
import sysconfig
from pathlib import Path

from helpers.course.originals import CODE_STUB, TEXT_STUB

# nbgrader calls `alembic` by name when it makes a gradebook: find it where no environment was activated as well.
programs = sysconfig.get_path("scripts")
if programs not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])

here = Path(__file__).resolve().parent
c = get_config()  # noqa: F821  (nbgrader puts it here)

# Folders. Student versions are committed as notebooks/; the exchange may be put elsewhere for a class.
c.CourseDirectory.root = str(here)
c.CourseDirectory.course_id = "fine-tuning"
c.CourseDirectory.release_directory = "notebooks"
# What is no part of a submission. The last ones are environments and hidden folders, with tens of thousands of files.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.pth", "*.safetensors"]
c.CourseDirectory.ignore += [".*", "venv", "env", "node_modules", "site-packages", "__MACOSX"]
# The gradebook: gradebook.db here, or a database on a server, such as postgresql://me@host/course (needs psycopg[binary]).
if os.environ.get("NBGRADER_DB_URL"):
    kind, _, rest = os.environ["NBGRADER_DB_URL"].partition("://")
    # SQLAlchemy would take the older driver for an address that names none.
    c.CourseDirectory.db_url = f"{'postgresql+psycopg' if kind in ('postgres', 'postgresql') else kind}://{rest}"
c.Exchange.root = os.environ.get("FINETUNE_EXCHANGE") or str(here / "exchange")
if not os.environ.get("FINETUNE_EXCHANGE"):
    os.makedirs(here / "exchange", mode=0o777, exist_ok=True)  # nbgrader's exchange refuses to start without it

# What learners see in place of an answer.
c.ClearSolutions.code_stub = {"python": CODE_STUB}
c.ClearSolutions.text_stub = TEXT_STUB
c.GenerateAssignment.preprocessors.append("helpers.grading.nbgrader_steps.Stamp")

# Grading. First the learner's file is read with care, and its answers are put into the notebook that was released.
c.Autograde.exporter_class = "helpers.grading.nbgrader_steps.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "helpers.grading.nbgrader_steps.Transplant",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Then it is run within limits, and each test cell gets exactly one plain mark before nbgrader stores it.
c.Autograde.autograde_preprocessors = [
    "helpers.grading.nbgrader_steps.RunCells",
    "nbconvert.preprocessors.CoalesceStreamsPreprocessor",
    "helpers.grading.nbgrader_steps.Verdicts",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.CoalesceStreamsPreprocessor.enabled = True  # a progress bar writes its line again and again: only what was left of it is kept
c.OverwriteCells.add_missing_cells = True
c.Execute.timeout = 120  # seconds a cell
c.Execute.notebook_timeout = 600  # seconds a notebook
c.Execute.output_limit = 1_000_000  # bytes a cell
c.Execute.iopub_timeout = 10  # seconds for a cell's last outputs, and for a stopped cell to stop
c.Execute.shutdown_kernel = "immediate"
c.Execute.record_timing = False
c.LimitOutput.max_lines = 300

# Formgrader and feedback pages: Markdown without anything active. Outputs are cleaned when they are stored.
c.HTMLExporter.filters = {"markdown2html": "helpers.grading.submission.inert.markdown2html"}

# Feedback: reasons, never hidden tests; nothing of the learner's runs in the page.
c.GenerateFeedback.exporter_class = "helpers.grading.feedback.one_page.FeedbackExporter"
c.GenerateFeedback.preprocessors = [
    "helpers.grading.feedback.one_page.Marks",
    "helpers.grading.feedback.one_page.HideTests",
    "helpers.grading.feedback.one_page.PlainPage",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

# Names with commas, quotes or line breaks stay in their column.
c.ExportApp.plugin_class = "helpers.grading.gradebook.export.QuotedCsv"
