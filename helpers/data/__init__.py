"""Images -> normalised batches: named sets and one's own, splits by a seed, loaders."""

from helpers.data.batches import make_loader, set_seed, to_dataset
from helpers.data.images import photos
from helpers.data.named_sets import load_images
from helpers.data.own_images import choose
from helpers.data.splits import course_splits, split

__all__ = ["choose", "course_splits", "load_images", "make_loader", "photos", "set_seed", "split", "to_dataset"]
