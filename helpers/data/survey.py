"""What the files of a set are like before any is decoded, and how all of them are to be read alike."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.course.errors import CourseError
from helpers.data.files import DEEP_GREY, SHALLOW, Reading, legible, opened, value_range

LOOKED_AT = 300  # files at most whose values decide how all are read
NEARLY_WHITE, NEARLY_BLACK = 230, 32  # of 255


class Kind(NamedTuple):
    """What a file says of its picture before that is decoded."""

    mode: str  # Pillow's word
    see_through: bool  # it may be
    deep_colour: bool  # 16 bits for each colour, of which Pillow keeps the upper 8
    several: bool  # pages or frames


def kind_of(path: Path) -> Kind:
    """What the file says of its picture; where it has checksums they are looked at.

    Raises:
        CourseError: it is no image, huge, or of a kind that cannot be shown.
    """
    with opened(path) as image:
        if image.mode not in SHALLOW | DEEP_GREY:
            kind = f"{image.format} with colours of the kind {image.mode}"
            raise CourseError(f"The file {legible(str(path))} is a {kind}, which cannot be shown: save it as RGB.")
        wide = bool(image.tile) and ";16" in str(image.tile[0][3]) and image.mode not in DEEP_GREY
        # In MPO, which phones write, the further frames are small previews or depths of the same picture.
        several = image.format != "MPO" and getattr(image, "is_animated", False)
        found = Kind(image.mode, image.has_transparency_data, wide, several)
        image.verify()
    return found


def reading_of(files: dict[Path, Kind]) -> tuple[Reading, list[str]]:
    """How all files are read, and what who uses them has to be told of it, a sentence each.

    Raises:
        CourseError: their values do not go together, or would come out black.
    """
    deep = {path: kind.mode for path, kind in files.items() if kind.mode in DEEP_GREY}
    clear = [path for path, kind in files.items() if kind.see_through]
    several = [legible(path.name) for path, kind in files.items() if kind.several]
    _refuse_black([path for path, kind in files.items() if kind.deep_colour])
    grey, ground, notes = _grey_range(deep), _ground(clear), []
    if grey:
        span = f"their values from {grey[0]:.4g} to {grey[1]:.4g} are shown as black to white, alike in all of them"
        notes.append(f"{len(deep)} of {len(files)} images have more than eight bits of grey: {span}.")
    if ground:
        notes.append(f"Some images can be seen through: {ground} lies behind them.")
    if several:
        more = f" and {len(several) - 3} more" if len(several) > 3 else ""
        notes.append(f"Of files with several pages or frames the first one counts: {', '.join(several[:3])}{more}.")
    return Reading(grey, ground or "white"), notes


def _grey_range(deep: dict[Path, str]) -> tuple[float, float] | None:
    """What becomes black and white in all of the files; None if there are none.

    Raises:
        CourseError: whole numbers and floats are mixed: one range for both would hide one of them.
    """
    if not deep:
        return None
    some = {(mode == "F"): path for path, mode in deep.items()}
    if len(some) > 1:
        floats, whole = (legible(str(some[kind])) for kind in (True, False))
        raise CourseError(
            f"The grey values of {floats} are floats, those of {whole} whole numbers of more than eight bits: save all alike."
        )
    ranges = []
    for path in _spread(list(deep), LOOKED_AT):
        with opened(path) as image:
            ranges.append(value_range(image))
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _ground(clear: list[Path]) -> str:
    """What to lay behind pictures that can be seen through; empty if none of those looked at can.

    White, as of paper; black where what is drawn is itself nearly white and would vanish.
    """
    weights = light = 0.0
    for path in _spread(clear, LOOKED_AT // 10):
        with opened(path) as image:
            picture = image.convert("RGBA")
        alpha = np.asarray(picture.getchannel("A"), dtype=np.float64)
        if alpha.min() < 255:
            light += float((np.asarray(picture.convert("RGB").convert("L")) * alpha).sum())
            weights += float(alpha.sum())
    return "" if not weights else "black" if light / weights > NEARLY_WHITE else "white"


def _refuse_black(wide: list[Path]) -> None:
    """Of 16 bits a colour Pillow keeps the upper 8: where only the lower ones are used, hardly anything is left.

    Raises:
        CourseError: the brightest of the files looked at would be nearly black.
    """
    brightest = 0
    for path in _spread(wide, LOOKED_AT // 10):
        with opened(path) as image:
            brightest = max(brightest, *(high for _, high in image.convert("RGB").getextrema()))
    if wide and brightest < NEARLY_BLACK:
        raise CourseError(
            f"{legible(str(wide[0]))} has 16 bits for each colour and uses the lower ones only, which would be black here: "
            "save all such images with 8 bits a colour."
        )


def _spread(paths: list[Path], most: int) -> list[Path]:
    """At most so many of the files, evenly spread."""
    return paths[:: -(-len(paths) // most)] if paths else []
