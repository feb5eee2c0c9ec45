"""What learners handed in on a learning platform, put into ``submitted/`` as nbgrader expects it."""
