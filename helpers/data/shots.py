"""Several shots of one thing: each image again, a little turned and moved, as a hand-held camera would see it.

    shots, groups = several_shots(splits.train, each=3)     # shots 0 to 2 show image 0, shots 3 to 5 image 1, and so on

The same shots can stand for two things: photographs that belong together and must not be split, and augmented images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from helpers.course.errors import CourseError
from helpers.data.images import ImageSet

DEGREES, SHIFT = 8.0, 0.07  # at most: turned to either side, and moved by so much of the image's side


@dataclass(frozen=True)
class ShotImages:
    """Images made of others when they are asked for; the same ones each time.

    Attributes:
        images: where they come from: what an `ImageSet` holds.
        shots: for each of them (place in `images`, number of the shot).
        seed: of the angles and shifts.
    """

    images: Any
    shots: tuple[tuple[int, int], ...]
    seed: int

    def __len__(self) -> int:
        return len(self.shots)

    def __getitem__(self, index: int) -> Image.Image:
        """The image as RGB, of its own size; what comes in from outside is black."""
        place, number = self.shots[index]
        image = self.images[place]
        angle, right, down = np.random.default_rng((self.seed, place, number)).uniform(-1, 1, 3)
        moved = (round(right * SHIFT * image.width), round(down * SHIFT * image.height))
        return image.rotate(DEGREES * angle, resample=Image.Resampling.BILINEAR, translate=moved)

    def size(self, index: int) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.images.size(self.shots[index][0])

    def subset(self, indices: Sequence[int]) -> ShotImages:
        """These shots, in this order."""
        return replace(self, shots=tuple(self.shots[index] for index in indices))

    def add_to(self, digest: hashlib._Hash) -> None:
        """Feed all that decides the pixels to a hash."""
        digest.update(repr((self.shots, self.seed, DEGREES, SHIFT)).encode())
        self.images.add_to(digest)


def several_shots(image_set: ImageSet, each: int, seed: int = 0) -> tuple[ImageSet, Tensor]:
    """(the shots with their labels, the place in `image_set` that each one shows: int64 (each x N,)).

    Args:
        image_set: what is in front of the camera.
        each: shots of each image, one after the other.
        seed: of the camera's movements: up to `DEGREES` degrees, and up to `SHIFT` of the side in either direction.

    Raises:
        CourseError: `each` is not a whole number from 1 on.
    """
    if type(each) is not int or each < 1:
        raise CourseError(f"each is {each!r}: give a whole number of shots, 1 or more.")
    groups = torch.arange(len(image_set)).repeat_interleave(each)
    images = ShotImages(image_set.images, tuple((place, n) for place in range(len(image_set)) for n in range(each)), seed)
    return replace(image_set, images=images, labels=image_set.labels[groups], name=f"shots of {image_set.name}"), groups
