"""Some images of each class, in rows: the first look at a data set."""

from matplotlib.axes import Axes

from helpers.course.errors import CourseError
from helpers.course.palette import INK, SOFT_INK
from helpers.data.images import ImageSet
from helpers.plots.look import describe, new_axes, note
from helpers.plots.names import fit, width

MOST_CLASSES, PER_CLASS = 10, 10
LONGEST = 24  # columns of a name
SIDE = 0.92  # of a square of the grid; the rest is the gap between two images


def plot_samples(
    image_set: ImageSet, *, most_classes: int = MOST_CLASSES, per_class: int = PER_CLASS, ax: Axes | None = None
) -> Axes:
    """A row for each class with its first images, whole and in their own proportions, and the number of its images beside.

    Args:
        image_set: such as ``chosen.splits.train``; its order is random, so the first images are as good as any.
        most_classes: rows; of more classes only the first ones are shown.
        per_class: images in a row.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is no image to show.
    """
    if not len(image_set):
        raise CourseError(f"{image_set.name} has no image to show: choose a split with at least one.")
    labels = range(min(most_classes, len(image_set.class_names)))
    rows = {label: (image_set.labels == label).nonzero().flatten().tolist() for label in labels}
    columns = max(1, min(per_class, max(len(indices) for indices in rows.values())))
    names = fit([image_set.class_names[label] for label in labels], LONGEST)
    left = 0.3 + 0.17 * max(map(width, names.labels))
    ax = ax or new_axes(0.62 * (left + columns + 1), 0.62 * len(rows) + 0.15)
    for row, indices in rows.items():
        ax.text(-0.15, row + 0.5, names.labels[row], ha="right", va="center", color=INK, fontsize=10, **names.style)
        for column, index in enumerate(indices[:columns]):
            image = image_set.images[index]
            wide, high = (SIDE * side / max(image.size) for side in image.size)
            x, y = column + (1 - wide) / 2, row + (1 - high) / 2
            image.thumbnail((160, 160))
            ax.imshow(image, extent=(x, x + wide, y + high, y), interpolation="antialiased")
        ax.text(columns + 0.1, row + 0.5, f"{len(indices):,}", ha="left", va="center", color=SOFT_INK, fontsize=9.5)
    ax.set(xlim=(-left, columns + 1), ylim=(len(rows), 0), aspect="equal")
    ax.set_axis_off()
    told = ", ".join(f"{image_set.class_names[row]} ({len(indices):,})" for row, indices in rows.items())
    more = len(image_set.class_names) - len(rows)
    rest = f", and {more} more classes that are not shown" if more else ""
    return describe(
        note(ax, names.key), f"Images of {image_set.name} in rows, a class each, with the number of its images: {told}{rest}."
    )
