"""A folder a lesson, a file an exercise: the checks that a learner calls. Beside the folders stands what all checks share."""

from helpers.checks.cell_errors import explain_in_notebooks

explain_in_notebooks()
