"""The course's workshop: images become features, features a trained head, training a trace, a trace a check.

In the order in which data flows; no module imports from a later line:

    settings, progress, machine    the course on this computer
    images, datasets, data         images -> normalised batches, splits, seeds
    preprocessing, weights, models backbones, heads, residual blocks
    parameters                     total, trainable and frozen counts
    history, training              one loop -> History
    cache, features                what is frozen is computed once
    snapshot, trial, probe         one step on a copy: what moved
    diagnosis                      what is wrong, and what to do
    plots, widgets                 History, Probe and counts -> pictures
    checks                         what a learner calls, with hints
    study                          the course's recipe over many seeds
    notebooks, verdicts, running   masters and their versions; marks; runs within limits
    selfcheck, bench, startpage, lab, picture
    grading                        the instructor's part, and the only one that imports nbgrader

Each is imported on its own: torch takes seconds to import, and most commands do not need it.
"""
