"""The course's workshop: images become features, features a trained head, training a trace, a trace a check.

In the order in which data flows; no module imports from a later line:

    variants, settings, progress,  the course on this computer, and what of it is the learner's own
    machine
    images, datasets, data         images -> normalised batches, splits, seeds
    intervals, choice              a data set of one's own: checked, split, shown at a glance
    preprocessing, weights, models backbones, heads, residual blocks
    parameters                     total, trainable and frozen counts
    history, training              one loop -> History
    cache, features                what is frozen is computed once
    recipe                         head, then last blocks, as one call: trained once, then read from disk
    snapshot, trial, probe         one step on a copy: what moved
    predictions, movement          what a run changed: answers, weights, statistics
    linear_probe, gradcam          what can be read off each block; where the evidence lies
    lr_finder, phase, strategies   ways to fine-tune, as data, and what runs them
    race                           strategies against each other, over several seeds
    recordings                     real runs kept as data, with what made them
    diagnosis                      what is wrong, and what to do
    plots, widgets                 History, Probe and counts -> pictures
    claims, strategy_evidence,     what a run supports, measured again,
    strategy_page, strategy_report and written up as a page
    checks                         what a learner calls, with hints
    quiz                           questions as data, asked in the notebook and marked
    study                          the course's recipe over many seeds
    notebooks, verdicts, running   masters and their versions; marks; runs within limits
    selfcheck, bench, startpage, lab, picture
    grading                        the instructor's part, and the only one that imports nbgrader

Each is imported on its own: torch takes seconds to import, and most commands do not need it.
"""
