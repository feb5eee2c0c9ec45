"""How many parameters a model has, where they lie, and which of them are trainable.

Tensors and scalars are two counts of the same thing: ResNet50's head is 2 tensors (weight and bias) of
20,490 scalars. A tensor that is used in two places is counted once, as `model.parameters()` does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from operator import add, sub
from typing import Self

from torch import nn

NO_MODULE = "(the model itself)"
COLUMNS = ("block", "tensors", "scalars", "trainable", "state")
WORDS = ("block", "state")  # set to the left; numbers to the right


@dataclass(frozen=True)
class Counts:
    """Parameters of a model or of a part of it.

    Attributes:
        total: scalars.
        trainable: scalars with ``requires_grad``.
        tensors: parameter tensors.
        trainable_tensors: parameter tensors with ``requires_grad``.
    """

    total: int = 0
    trainable: int = 0
    tensors: int = 0
    trainable_tensors: int = 0

    @property
    def frozen(self) -> int:
        """Scalars that are frozen."""
        return self.total - self.trainable

    @property
    def frozen_tensors(self) -> int:
        """Tensors that are frozen."""
        return self.tensors - self.trainable_tensors

    @property
    def state(self) -> str:
        """``"trainable"``, ``"frozen"``, ``"mixed"``, or ``"no parameters"``."""
        if not self.tensors:
            return "no parameters"
        return {0: "frozen", self.tensors: "trainable"}.get(self.trainable_tensors, "mixed")

    def __str__(self) -> str:
        return f"{self.trainable:,} of {self.total:,} parameters trainable ({self.trainable_tensors} of {self.tensors} tensors)"

    def __add__(self, other: Self) -> Self:
        return Counts(*map(add, vars(self).values(), vars(other).values()))  # astuple copies each number with care

    def __sub__(self, other: Self) -> Self:
        return Counts(*map(sub, vars(self).values(), vars(other).values()))


def count(model: nn.Module) -> Counts:
    """The model's parameters; a tensor in two places counts once."""
    return _count(model.parameters())


def _count(parameters: Iterable[nn.Parameter]) -> Counts:
    return sum((Counts(p.numel(), p.numel() * p.requires_grad, 1, int(p.requires_grad)) for p in parameters), Counts())


@dataclass(frozen=True)
class ParameterTable:
    """Counts per block, for a terminal (``print``) and a notebook (last line of a cell).

    Attributes:
        title: what was counted.
        rows: (name of the block, its counts), in the model's order.
    """

    title: str
    rows: tuple[tuple[str, Counts], ...]

    @property
    def total(self) -> Counts:
        """The sum of all rows: the whole model."""
        return sum((counts for _, counts in self.rows), Counts())

    def _lines(self) -> list[tuple[str, ...]]:
        rows = (*self.rows, ("all", self.total))
        return [(name, f"{c.tensors:,}", f"{c.total:,}", f"{c.trainable:,}", c.state) for name, c in rows]

    def __repr__(self) -> str:
        lines = [COLUMNS, *self._lines()]
        widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
        aligned = [f"{{:{'<' if name in WORDS else '>'}{width}}}" for name, width in zip(COLUMNS, widths, strict=True)]
        text = ["  ".join(aligned).format(*line).rstrip() for line in lines]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join((self.title, rule, text[0], rule, *text[1:-1], rule, text[-1]))

    def _repr_html_(self) -> str:
        def row(cells: tuple[str, ...], tag: str, style: str = "") -> str:
            sides = ("left" if name in WORDS else "right" for name in COLUMNS)
            looks = (f"style='text-align:{side};padding:.2em .7em'" for side in sides)
            aligned = "".join(f"<{tag} {look}>{escape(cell)}</{tag}>" for look, cell in zip(looks, cells, strict=True))
            return f"<tr style='{style}'>{aligned}</tr>"

        *body, last = self._lines()
        rows = "".join(row(cells, "td", "" if cells[4] == "frozen" else "font-weight:600") for cells in body)
        return (
            f"<table><caption style='text-align:left'>{escape(self.title)}</caption><thead>{row(COLUMNS, 'th')}</thead>"
            f"<tbody>{rows}</tbody><tfoot>{row(last, 'td', 'border-top:2px solid;font-weight:600')}</tfoot></table>"
        )


def parameter_table(model: nn.Module, depth: int = 1) -> ParameterTable:
    """Tensors, scalars and what is trainable, per block of the model.

    Args:
        depth: how far to look inside: 1 shows ResNet50's ``layer4`` as one row, 2 its three blocks. A tensor
            used in two places is counted where it comes first.
    """
    rows: dict[str, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        path = name.split(".")[:-1][: max(depth, 1)]
        rows.setdefault(".".join(path) or NO_MODULE, []).append(parameter)
    counted = tuple((name, _count(parameters)) for name, parameters in rows.items())
    return ParameterTable(f"{type(model).__name__}: {count(model)}", counted)


@dataclass(frozen=True)
class CountCheck:
    """Whether a model's counts are the expected ones.

    Attributes:
        ok: all of them are.
        sentences: one for each count, in words.
    """

    ok: bool
    sentences: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return "\n".join(self.sentences)


def check_counts(
    model: nn.Module, *, total: int | None = None, trainable: int | None = None, trainable_tensors: int | None = None
) -> CountCheck:
    """Compare a model's counts with expected ones; what is None is not looked at.

    Args:
        total: expected scalars.
        trainable: expected trainable scalars.
        trainable_tensors: expected trainable tensors.
    """
    counts = count(model)
    looks = (
        ("parameters in all", counts.total, total),
        ("trainable parameters", counts.trainable, trainable),
        ("trainable tensors", counts.trainable_tensors, trainable_tensors),
    )
    asked = [(f"{found:,} {what}", found == expected, expected) for what, found, expected in looks if expected is not None]
    sentences = (f"{what}, {'as expected' if right else f'but {expected:,} expected'}." for what, right, expected in asked)
    return CountCheck(all(right for _, right, _ in asked), tuple(sentences))
