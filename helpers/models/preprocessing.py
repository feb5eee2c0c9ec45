"""What the weights expect of an image: size, crop, range."""

from dataclasses import dataclass, replace
from typing import Self

from PIL import Image
from torch import Tensor

from helpers.course.errors import CourseError

# Both backbones halve the image five times: under 32 pixels nothing is left at the end.
LEAST_PIXELS = 32


@dataclass(frozen=True)
class Preprocessing:
    """RGB image -> float32 (3, crop, crop), normalised: resize, crop the centre, scale to [0, 1], shift, divide.

    Its ``repr`` names every number, so equal reprs mean equal results.

    Attributes:
        resize: pixels of the image's shorter side after resizing.
        crop: side of the square cut out of the centre, in pixels.
        mean, std: what is subtracted from, and divides, each channel.
        interpolation: how the image is resized.
        small: how an image that is smaller than `crop` is enlarged. Measured on 500 digits of 28 pixels at 64, 96 and 128
            pixels, EfficientNet-Lite0, head only, mean of 5 seeds: bilinear 0.841, 0.848, 0.885; bicubic 0.833, 0.842, 0.858;
            nearest 0.788, 0.809, 0.784.
    """

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bilinear"
    small: str = "bilinear"

    def at(self, image_size: int) -> Self:
        """The same for another image size, with the same share of the image cut away.

        Raises:
            CourseError: `image_size` is not a whole number of pixels from 32 on.
        """
        if type(image_size) is not int or image_size < LEAST_PIXELS:
            raise CourseError(f"image_size is {image_size!r}: give a whole number of pixels, {LEAST_PIXELS} or more.")
        return replace(self, crop=image_size, resize=round(image_size * self.resize / self.crop))

    def __call__(self, image: Image.Image) -> Tensor:
        """The image as the model wants it."""
        from torchvision.transforms import functional as F

        return F.normalize(F.to_tensor(self.picture(image)), self.mean, self.std)

    def picture(self, image: Image.Image) -> Image.Image:
        """What the model sees of the image, for people to look at: RGB, crop x crop pixels, not yet normalised."""
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms import functional as F

        mode = self.small if min(image.size) < self.crop else self.interpolation
        image = F.resize(image.convert("RGB"), [self.resize], interpolation=InterpolationMode(mode), antialias=True)
        return F.center_crop(image, [self.crop])
