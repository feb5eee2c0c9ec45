"""Where marks are stored, kept safe, and exported."""
