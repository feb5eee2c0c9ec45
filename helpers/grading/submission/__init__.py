"""What was handed in, taken in with care."""
