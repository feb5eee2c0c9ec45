"""What was handed in, taken in with care; which cells of it need not run."""
