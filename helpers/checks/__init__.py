"""One module a lesson: the checks that a learner calls after each exercise."""
