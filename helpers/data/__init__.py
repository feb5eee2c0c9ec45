"""Images -> normalised batches.

images      a set of images with labels, in memory or as files; the two photographs of lesson 1
named_sets  the sets that the course knows by name: digits from pip, CIFAR-10 downloaded once
splits      which images to learn from, to choose by and to report on, drawn by a seed
batches     transformed once, then batches in an order of their seed's own
own_images  a set of one's own: checked, split, shown at a glance; how far a share of few images may be off
"""

from helpers.data.batches import make_loader, to_dataset
from helpers.data.images import photos
from helpers.data.own_images import choose
from helpers.data.splits import course_splits

__all__ = ["choose", "course_splits", "make_loader", "photos", "to_dataset"]
