"""A whole class, several learners at once."""
