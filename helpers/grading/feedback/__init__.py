"""Pages with reasons, for learners."""
