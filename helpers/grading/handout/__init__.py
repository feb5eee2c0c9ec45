"""What learners are handed."""
