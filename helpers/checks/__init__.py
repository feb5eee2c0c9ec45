"""A folder a lesson, a file an exercise: the checks that a learner calls. Beside the folders stands what all checks share."""
