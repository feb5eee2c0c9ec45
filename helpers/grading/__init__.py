"""The instructor's part, and the only place that imports nbgrader. Learners are not handed this package.

In the order in which a class passes through it:

    course         nbgrader's settings and folders of one course
    building       masters -> notebooks/ and solutions/
    release        what learners are handed
    preflight      a submitted file -> the few plain fields of it that count, or the reason why not
    transplant     the learner's answers put into the notebook that was released
    isolation, box what keeps a learner's notebook apart, and where it runs; its kernels are `forked_kernels` or `plain_kernels`,
                   `inside` is what runs in there, `seccomp` what its kernels may not ask of the system
    kernels        a box's kernels as Jupyter and nbclient take them; `messages` is what they may say
    preprocessors  the same two, the run and the verdicts as nbgrader takes them
    classroom      a whole class, several learners at once: `engine` has the workers, which come from a `forkserver`; what all
                   notebooks compute once is computed `ahead`
    marks          the gradebook as a table
    feedback       pages with reasons
    alike          pairs of answers to look at
    class_report   one lesson of a class as facts
    report         the same, gathered from gradebook and graded notebooks
    report_page    the facts as one HTML file, with its report_plots and report_style
    export         the gradebook as CSV
    lms            the same in the formats of Canvas and Moodle
    hidden         the problems that only the grader poses
    demo           a small class to look at
"""

import sys

# nbformat's jsonschema takes this package where it finds it, and that builds a grammar of internationalised web addresses:
# half of the time that importing the grader took, in each of its processes, for what no notebook has.
sys.modules.setdefault("rfc3987_syntax", None)
