"""Folders of images for tests: a sub-folder a class, and a stand-in for the package with the solar cells."""

from pathlib import Path

import numpy as np
from PIL import Image


def noise(path: Path, seed: int) -> None:
    """A small picture of random colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(path)


def make_folder(path: Path, counts: dict[str, int], size: tuple[int, int] = (40, 30)) -> Path:
    """As many images a class as `counts` says, no two alike."""
    for number, (name, count) in enumerate(counts.items()):
        (path / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", size, (40 * number, 3 * index, 99)).save(path / name / f"{index}.png")
    return path


def make_solar_package(path: Path) -> Path:
    """A stand-in for the package elpv-dataset, in its layout: 12, 10, 16, 10 cells of the four classes, and two unsure."""
    folder, rows = path / "elpv_dataset" / "data", []
    kinds = [("0.0", "mono")] * 12 + [("1.0", "mono")] * 10 + [("0.0", "poly")] * 16 + [("1.0", "poly")] * 10
    for number, (probability, kind) in enumerate([*kinds, ("0.3333333333333333", "mono"), ("0.6666666666666666", "poly")], 1):
        noise(folder / "images" / f"cell{number:04d}.png", number)
        rows.append(f"images/cell{number:04d}.png  {probability:<18}  {kind}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder.parent / "__init__.py").touch()
    return path
