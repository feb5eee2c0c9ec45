"""What the course's makers measure."""
