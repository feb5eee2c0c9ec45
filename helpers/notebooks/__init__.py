"""A notebook as a file: masters and their versions, answers found in a learner's, run within limits, and read for marks."""
