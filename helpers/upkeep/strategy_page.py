"""What `helpers.upkeep.strategy_speed` has measured, as tables, as JSON, and as what docs/speed.md shows of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.upkeep import other_caches
from helpers.upkeep.strategy_run import Task
from helpers.upkeep.strategy_speed import Times

RECORD, PICTURE = Path("docs", "speed.json"), Path("docs", "speed.png")
TITLES = {"efficientnet_lite0": "EfficientNet-Lite0", "resnet50": "ResNet50, random weights"}
ALTERNATIVE = (
    "Processor seconds over the number of images, both axes logarithmic: the usual loop far above the course's way, which runs "
    "along its limits, cold and warm."
)
IMAGENET = 1_281_167  # training images of ImageNet-1k: https://www.image-net.org/challenges/LSVRC/2012/


def content(times: Sequence[Times], growth: Sequence[dict], gpu: str) -> dict[str, object]:
    """Everything as JSON: the ratios of the first entry at 224 px in front."""
    first = next(entry for entry in times if entry.task.image_size == 224)
    ratios = {way: round(first.ratio(way), 2) for way in ("cold", "warm")}
    over = {f"{way}_over_limit": round(first.over_limit(way), 2) for way in ("cold", "warm")}
    equal = all(entry.equal for entry in times)
    return {**ratios, **over, "equal": equal, "runs": [asdict(entry) for entry in times], "growth": list(growth), "gpu": gpu}


def tables(found: Mapping, machine: str) -> dict[str, str]:
    """Name -> Markdown, of the JSON that `content` gives, and the machine in words."""
    times = [Times(**{**run, "task": Task(**run["task"])}) for run in found["runs"]]
    known = {"strategy": strategy(times), "packages": packages(times), "ways": ways(times), "gpu": found["gpu"]}
    known["machine"] = f"{machine}."
    return known | ({"growth": growth(found["growth"])} if found["growth"] else {})


def recorded() -> dict:
    """What was last written, and the machine.

    Raises:
        CourseError: the file is missing, or holds something else.
    """
    path = settings.root() / RECORD
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read ({error}): run `python -m helpers bench strategy --write`.") from None


def write(found: Mapping) -> None:
    """Keep the figures, and draw the picture."""
    from matplotlib import pyplot as plt

    from helpers.plots.look import PAPER
    from helpers.plots.speed import plot_growth

    root = settings.root()
    (root / RECORD).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
    if found["strategy"]["growth"]:
        ax = plot_growth(found["strategy"]["growth"])
        ax.figure.savefig(root / PICTURE, dpi=110, facecolor=PAPER, metadata={"Software": None})
        plt.close(ax.figure)


def strategy(times: Sequence[Times]) -> str:
    """The usual loop, the course's way and the limits: medians, and the ratios' spread."""
    rows = ["| images | usual loop | cold | limit | warm | limit | same weights |", "|:---|---:|---:|---:|---:|---:|:---|"]
    for entry in times:
        cells = [f"{median(entry.usual):.1f} s"]
        for way in ("cold", "warm"):
            cells += [_seconds(entry, getattr(entry, way)), f"{median(getattr(entry, f'limit_{way}')):.1f} s"]
        cells.append("yes, to the last bit" if entry.equal else "NO")
        rows.append(f"| {_what(entry)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def packages(times: Sequence[Times]) -> str:
    """The packages beside the course's way, and whether their weights are the course's."""
    rows = ["| images | package | cold | warm | same weights |", "|:---|:---|---:|---:|:---|"]
    for entry in times:
        for name, found in {"the course": {"cold": entry.cold, "warm": entry.warm, "equal": True}, **entry.packages}.items():
            if "failed" in found:
                rows.append(f"| {_what(entry)} | {name} | did not run: {found['failed']} | | |")
            elif entry.packages:
                ratios = " | ".join(_seconds(entry, found[way]) for way in ("cold", "warm"))
                rows.append(f"| {_what(entry)} | {name} | {ratios} | {'yes' if found['equal'] else 'NO'} |")
    lacking = [name for name in other_caches.PACKAGES if not any(name in entry.packages for entry in times)]
    hint = f"Not installed, so not measured: `pip install {' '.join(lacking)}`." if lacking else ""
    return "\n".join([*(rows if len(rows) > 2 else []), *([""] if len(rows) > 2 and hint else []), hint]).rstrip("\n")


def ways(times: Sequence[Times]) -> str:
    """Other ways to compute the frozen part: what they take, and how far off they are."""
    rows = ["| images | `frozen_part` | cold | features off by | accuracy off by |", "|:---|:---|---:|---:|---:|"]
    for entry in times:
        plain = {"float32": {"cold": entry.cold, "off": 0.0, "gap": entry.gap}} if entry.ways else {}
        for name, found in {**plain, **entry.ways}.items():
            if "failed" in found:
                rows.append(f"| {_what(entry)} | {name} | {found['failed']} | | |")
                continue
            rows.append(
                f"| {_what(entry)} | {name} | {_seconds(entry, found['cold'])} | {found['off']:.1g} | {found['gap']:.3f} |"
            )
    return "\n".join(rows)


def growth(entries: Sequence[Mapping]) -> str:
    """Seconds, disk and memory by the number of images, the same for ImageNet, reckoned from the largest, and the picture."""
    rows = ["| images | usual loop | cold | warm | limit, cold | an image, cold | on disk | memory |", "|" + "---:|" * 8]
    last, usual = entries[-1], next(entry for entry in reversed(entries) if entry["usual"])
    factor = IMAGENET / last["images"]
    reckoned = {name: last[name] * factor for name in ("cold", "warm", "limit_cold", "disk_mb")}
    reckoned |= {"images": IMAGENET, "memory_mb": last["memory_mb"], "usual": None}
    for entry in (*entries, reckoned):
        loop, sign = entry["usual"] or usual["usual"] * entry["images"] / usual["images"], "" if entry["usual"] else "about "
        about = "about " if entry is reckoned else ""
        cells = [f"{sign}{_long(loop)}", *(f"{about}{_long(entry[name])}" for name in ("cold", "warm", "limit_cold"))]
        cells += [f"{about}{1000 * entry['cold'] / entry['images']:.1f} ms", f"{about}{_bytes(entry['disk_mb'])}"]
        rows.append(f"| {entry['images']:,} | {' | '.join(cells)} | {about}{_bytes(entry['memory_mb'])} |")
    return "\n".join([*rows, "", f"![{ALTERNATIVE}]({PICTURE.name})"])


def _what(entry: Times) -> str:
    task = entry.task
    return f"{TITLES[task.backbone]}, {task.images} images at {task.image_size} px, batch {task.batch_size}"


def _seconds(entry: Times, seconds: Sequence[float]) -> str:
    """The median, and how many times as long the usual loop takes in the same round."""
    ratios = [usual / own for usual, own in zip(entry.usual, seconds, strict=True)]
    spread = f" ({min(ratios):.1f} to {max(ratios):.1f})" if len(ratios) > 1 else ""
    return f"{median(seconds):.1f} s = {median(ratios):.1f} ×{spread}"


def _long(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
