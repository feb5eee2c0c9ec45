"""The learner's side of grading: what acts on a judge's problems in the learner's own kernel, and describes what came of it.

Nothing in here is secret or trusted. What a judge makes of the descriptions is in `helpers.grading.evidence`.
"""
