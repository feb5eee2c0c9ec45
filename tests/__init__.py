"""Tests of the course: `tests.answers` are right and wrong answers, `tests.support.notebook_cells` the masters' cells."""
