"""A submitted file: read with care, its answers put into the notebook that was released."""
