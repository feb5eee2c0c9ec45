"""What the course's makers measure, and what is generated."""
