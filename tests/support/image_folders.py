"""Folders of images for tests: a sub-folder a class."""

from pathlib import Path

from PIL import Image


def make_folder(path: Path, counts: dict[str, int], size: tuple[int, int] = (40, 30)) -> Path:
    """As many images a class as `counts` says, no two alike."""
    for number, (name, count) in enumerate(counts.items()):
        (path / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", size, (40 * number, 3 * index, 99)).save(path / name / f"{index}.png")
    return path
