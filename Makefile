# One line each; what they do is in helpers/. The same in plain commands, for Windows and where there is no make: README.md.
PYTHON ?= python3
ENV := .venv
export PATH := $(CURDIR)/.venv/bin:$(PATH)
COURSE := $(ENV)/bin/python -m helpers
# One process a core, one thread each: two torch processes with two threads each on two cores all but stop one another.
PYTEST = $(ENV)/bin/python -m pytest -n $$($(ENV)/bin/python -m helpers.course.machine) --dist worksteal
WHICH = $(or $(LESSON),$(error say which lesson, for example: make $@ LESSON=03_freeze_base))
.PHONY: help lab doctor test build release grade feedback export demo bench lint clean
help:     ; @sed -n '/sed/d; s/^\([a-z]*\): .*# /  make \1 - /p' Makefile
lab:      $(ENV)/ready ; @$(COURSE) lab                                   # open the course in JupyterLab
doctor:   $(ENV)/ready ; @$(COURSE) doctor                                # what this machine has, in words
test:     $(ENV)/ready-for-tests ; @OMP_NUM_THREADS=1 $(PYTEST)           # all tests
build:    $(ENV)/ready ; @$(COURSE) build                                 # source/ -> notebooks/, solutions/ and the table in README.md
release:  $(ENV)/ready ; @$(COURSE) release $(WHICH)                      # hand a lesson out (LESSON=...)
grade:    $(ENV)/ready ; @$(COURSE) grade $(WHICH)                        # grade what came in (LESSON=...)
feedback: $(ENV)/ready ; @$(COURSE) feedback $(WHICH)                     # write the feedback pages (LESSON=...)
export:   $(ENV)/ready ; @$(COURSE) export                                # the marks as a table
demo:     $(ENV)/ready ; @$(COURSE) demo                                  # a small class, graded before your eyes
bench:    $(ENV)/ready ; @$(COURSE) bench lessons --write                 # measure how long the lessons wait
lint:     $(ENV)/ready-for-tests ; @$(ENV)/bin/ruff check .               # style
clean:    ; rm -rf $(ENV) .course/progress.json .jupyter START.md                     # forget everything that was made here

# The stamps are older than the two files whenever either changed: then pip looks again, and not otherwise.
$(ENV)/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "The course needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": try make $(MAKECMDGOALS) PYTHON=python3.12")'
	@echo "Setting up $(ENV): the first time takes some minutes, most of them for PyTorch."
	@$(PYTHON) -m venv $(ENV)
	@$(ENV)/bin/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@
$(ENV)/ready-for-tests: $(ENV)/ready
	@$(ENV)/bin/python -m pip install --disable-pip-version-check -e '.[test]'
	@touch $@
