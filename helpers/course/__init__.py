"""This course on this computer, and what of it is the learner's own. Imports no torch."""
