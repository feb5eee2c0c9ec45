"""Images -> normalised batches.

files       image files as RGB: odd bits, see-through grounds, turned cameras
images      a set of images with labels, in memory or as files; the two photographs of lesson 1
survey      what the files of a set are like, and how all are to be read alike
folders     a folder with one sub-folder a class, looked through with care
named_sets  the sets that the course knows by name: digits from pip, CIFAR-10 downloaded once
splits      which images to learn from, to choose by and to report on, drawn by a seed
batches     transformed once, then batches in an order of their seed's own
shots       each image again, a little turned and moved: photographs that belong together
own_images  a set of one's own: checked, split, shown at a glance; how far a share of few images may be off
"""

import lazy_loader

# What lessons import; each comes with its file when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "batches": ["make_loader", "to_dataset"],
        "images": ["photos"],
        "own_images": ["choose"],
        "shots": ["several_shots"],
        "splits": ["course_splits"],
    },
)
