"""Where a learner's notebook runs, and what keeps it apart."""
