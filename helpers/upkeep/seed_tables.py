"""The study of seeds as tables, in Markdown: for docs/training-results.md and for lesson 06."""

from collections.abc import Sequence
from statistics import median

from helpers.training import baselines
from helpers.training.recipe import NUM_EPOCHS
from helpers.upkeep.seeds import MEASURED, RATES, TITLES, SeedRun

SHORT = {"head": "head 5", "control": "head 15", "two_blocks": "2 blocks", "fine_tuned": "recipe", "train_mode": "in train mode"}


def accuracy_table(runs: Sequence[SeedRun]) -> str:
    """Markdown: accuracy over the seeds, a row for each way and split."""
    rows = ["| accuracy | images | median | least | greatest | seeds |", "|:---|:---|---:|---:|---:|---:|"]
    for split in MEASURED:
        for key, title in {**baselines.TITLES, **TITLES}.items():
            rows += _row(title, split, [run.accuracies[key][split] for run in runs if key in run.accuracies])
    return "\n".join(rows)


def lead_table(runs: Sequence[SeedRun]) -> str:
    """Markdown: by how much the recipe leads on the same images, and with how many seeds it does."""
    rows = ["| the recipe's lead over | images | median | least | greatest | with |", "|:---|:---|---:|---:|---:|---:|"]
    others = {"baselines": "the best of the three on pixels", **{key: TITLES[key] for key in TITLES if key != "fine_tuned"}}
    for split in MEASURED:
        for key, title in others.items():
            leads = [run.lead(split, key) for run in runs if run.has(key, "fine_tuned")]
            ahead = sum(lead > 1e-9 for lead in leads)
            rows += _row(title, split, leads, "+.3f", f"{ahead} of {len(leads)} seeds")
    return "\n".join(rows)


def _row(title: str, split: str, values: Sequence[float], form: str = ".3f", last: str = "") -> list[str]:
    """One row, or none if nothing was measured."""
    cells = " | ".join(format(of(values), form) for of in (median, min, max)) if values else ""
    return [f"| {title} | {'validation' if split == 'val' else split} | {cells} | {last or len(values)} |"] if values else []


def seed_table(runs: Sequence[SeedRun]) -> str:
    """Markdown, a row for each seed: accuracies on its test images; a dash where nothing was measured."""
    rows = [f"| seed | best on pixels | {' | '.join(SHORT.values())} |", "|---:" * (len(SHORT) + 2) + "|"]
    for run in runs:
        best = f"{run.best_baseline('test'):.3f}" if run.has("baselines") else "-"
        cells = (f"{run.accuracies[key]['test']:.3f}" if run.has(key) else "-" for key in SHORT)
        rows.append(f"| {run.seed} | {best} | {' | '.join(cells)} |")
    return "\n".join(rows)


def curve_table(runs: Sequence[SeedRun]) -> str:
    """Markdown: median validation accuracy after each epoch, and median processor seconds, a row for each way with two phases."""
    rows = [
        f"| epoch | {' | '.join(map(str, range(1, NUM_EPOCHS + 1)))} | CPU s |",
        "|:---|" + "---:|" * (NUM_EPOCHS + 1),
    ]
    for key in TITLES:
        curves = [run.curves[key] for run in runs if key in run.curves]
        if curves:
            middle = " | ".join(f"{median(values):.3f}" for values in zip(*curves, strict=True))
            seconds = [run.seconds[key] for run in runs if key in run.seconds]
            rows.append(f"| {SHORT[key]} | {middle} | {f'{median(seconds):.0f}' if seconds else '-'} |")
    return "\n".join(rows)


def rate_table(runs: Sequence[SeedRun]) -> str:
    """Markdown: test accuracy of one rate and of two, a row for each seed that has both, then the median."""
    titles = {"fine_tuned": "one rate, 3e-4 (the recipe)", **RATES}
    rows = [f"| seed | {' | '.join(titles.values())} |", "|---:" * (len(titles) + 1) + "|"]
    found = {run.seed: [run.accuracies[key]["test"] for key in titles] for run in runs if run.has(*titles)}
    lines = found | ({"median": [median(column) for column in zip(*found.values(), strict=True)]} if found else {})
    return "\n".join(
        [*rows, *(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |" for name, values in lines.items())]
    )


TABLES = {
    "seeds": seed_table,
    "leads": lead_table,
    "accuracies": accuracy_table,
    "curves": curve_table,
    "rates": rate_table,
}
