"""A notebook as a file: masters and their versions, run within limits, and read for marks."""
