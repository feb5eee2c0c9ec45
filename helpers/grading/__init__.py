"""The instructor's part, and the only place that imports nbgrader. Learners are not handed this package.

In the order in which a class passes through it; no room imports from a later line:

    nbgrader_course  nbgrader's settings and folders of one course
    handout          masters -> notebooks/ and solutions/, and what learners are handed
    submission       what was handed in: the notebook wherever it lies, and the files beside it
    hidden           the problems that only the grader poses
    inside           all of grading that a box shows: kernels forked and ended, answers acting on a judge's problems
    sandbox          a box: what keeps a learner's notebook apart, and how its kernels are started and spoken to
    judging          a submission examined: its cells run in a box, the master's test cells apart from it
    gradebook        marks: stored in one transaction, backed up, as a table, exported; class lists, due dates, a changed master
    collect          what a learning platform let an instructor download -> submitted/
    classroom        a whole class, several learners at once
    feedback         pages with reasons, for learners
    class_report     one lesson of a class as facts and as a page, for instructors
    nbgrader_steps   transplant, run and verdicts as nbgrader takes them, for its own commands
    demo             a small class to look at
"""
