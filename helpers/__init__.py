"""The course's workshop: images become features, features a trained head, training a trace, a trace a check.

In the order in which data flows; no room imports from a later line, and no file from itself by way of others:

    course         this course on this computer: settings, variants, progress, start page, the lab; imports no torch
    data           images -> normalised batches, splits, seeds; a data set of one's own
    models         backbones, heads, residual blocks; weights and preprocessing
    parameters     total, trainable and frozen counts
    training       one loop -> History; what is frozen computed once; runs of several phases, races, recordings
    inspection     what a model is, says, and what moved: snapshot, probe, predictions, drift, diagnosis
    plots          History, Probe and counts -> pictures
    checks         what a learner calls, with hints: a folder a lesson, a file an exercise; the quiz
    reports        what a run supports, measured again, and written up as a page
    notebooks      masters and their versions; notebooks run within limits, and read for marks
    grading        the instructor's part, and the only one that imports nbgrader
    upkeep         what the course's makers measure: waiting, seeds, the speed of grading

Each is imported on its own: torch takes seconds to import, and most commands do not need it. The picture: docs/architecture.md.
"""

import sys

# What reads a notebook imports jsonschema, and that takes these where it finds them, for web addresses in all scripts and for
# durations: a grammar is built, a library for dates imported, which takes longer than all the rest. No notebook has either.
for _name in ("rfc3987_syntax", "isoduration"):
    sys.modules.setdefault(_name, None)
