"""One lesson of a class, as facts and as a page."""
