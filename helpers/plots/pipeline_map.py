"""The pipeline map: the six stages, and below them the blocks of the learner's own model, as they are after each cell.

    plots.model_map(backbone, stage=3)       # follows the notebook's variable `model`, and the optimizer that holds it

In JupyterLab each block opens to its layers, and the map can stay in view below the notebook. Elsewhere it is plain HTML or text.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from html import escape
from typing import Any

import torch
from torch import nn

from helpers.course import live_view
from helpers.course.palette import BLUE, GREEN, INK, PALE
from helpers.course.paper import button, paper
from helpers.inspection.step_probe import LayerReport, layers_of
from helpers.models.backbones import Backbone, frozen_but_last
from helpers.parameters import Counts, count
from helpers.plots import blocks
from helpers.plots.look import FROZEN_WORDS, short
from helpers.plots.pipeline import checked, pipeline_counts, strip, strip_words

_shown: list[ModelMap] = []  # the map that follows: the one that was displayed last


class ModelMap:
    """The map, for a terminal (``print``) and a notebook (last line of a cell).

    Attributes:
        layers: of the model that it shows; before the learner has one it is the backbone's architecture.
        changed: names of the blocks whose weights or statistics the last cell changed.
    """

    def __init__(self, backbone: Backbone, stage: int | None, counts: Mapping[int, Counts], follow: str) -> None:
        self.backbone, self.stage, self.follow = backbone, stage, follow
        self.counts = dict(counts)
        self.changed: frozenset[str] = frozenset()
        swapped = (stage or 0) > 1
        made = frozen_but_last(backbone, backbone.without_values(10), 0) if swapped else backbone.without_values()
        self.layers = layers_of(made.requires_grad_(True) if (stage or 0) < 3 else made, None)
        self._sums: dict[str, tuple[float, ...]] = {}
        self._model: Callable[[], nn.Module | None] = lambda: None
        self._view: live_view.LiveView | None = None

    def look(self, names: Mapping[str, Any]) -> bool:
        """Look at the model among a notebook's variables; whether anything about it is new."""
        model = names.get(self.follow)
        if not isinstance(model, nn.Module):
            return False
        own = {id(p) for p in model.parameters()}
        optimizers = [value for value in names.values() if isinstance(value, torch.optim.Optimizer)]
        held = (one for one in reversed(optimizers) if any(id(p) in own for group in one.param_groups for p in group["params"]))
        layers, sums, known = layers_of(model, next(held, None)), _sums(model), self._model() is model
        changed = frozenset(block for block in sums if known and sums[block] != self._sums.get(block))
        before = (self.layers, self.changed) if known else None
        self.layers, self.changed, self._sums, self._model = layers, changed, sums, weakref.ref(model)
        if before == (layers, changed):
            return False
        if self.stage:
            self.counts[self.stage] = count(model)
        return True

    @property
    def own(self) -> bool:
        """Whether it shows the learner's model."""
        return bool(self._sums)

    @property
    def title(self) -> str:
        """Whose blocks these are."""
        return f"Your {self.follow}, block by block" if self.own else f"{self.backbone.title} at this stage, block by block"

    def words(self) -> str:
        """The blocks in sentences, for whoever cannot see them."""
        told = []
        for name, layers in blocks.by_block(self.layers).items():
            changed = ", changed by the last cell" * (name in self.changed)
            told.append(f"{name}: {_number(layers)} parameters, {FROZEN_WORDS[blocks.state_of(layers)]}{changed}")
        return f"{self.title}. {'; '.join(told)}."

    def __repr__(self) -> str:
        return f"{strip_words(self.counts, self.stage)}\n{self.words()}"

    def html(self, *, live: bool = False) -> str:
        """Stages and blocks; `live`: each block opens to its layers, and a button keeps the map in view."""
        groups = blocks.by_block(self.layers)
        grid = "display:grid;grid-template-columns:repeat(auto-fill,minmax(5.8em,1fr));gap:.35em;margin:.4em 0"
        boxes = "".join(_box(name, layers, name in self.changed, live) for name, layers in groups.items())
        key = "".join(f"<span style='margin-right:1.2em'>{_sample(state)} {words}</span>" for state, words in KEYS.items())
        if live:
            key = f"<span style='margin-right:1.2em'>Choose a block to see its layers.</span>{key}"
            look = f"data-panel='{{}}' hidden style='border:1px solid {PALE};border-radius:5px;overflow-x:auto;padding:0 .4em'"
            panels = "".join(
                f"<div {look.format(escape(name))} tabindex='0' role='group' aria-label='{escape(name)}'>"
                f"{blocks.layer_table(name, layers)}</div>"
                for name, layers in groups.items()
            )
            panels += button("Keep the map in view", "beside")
        else:
            panels = ""
        return paper(
            f"{strip(self.counts, self.stage)}<div style='font-weight:600;margin-top:.7em'>{escape(self.title)}</div>"
            f"<div style='{grid}'>{boxes}</div><div style='font-size:85%;color:{INK}'>{key}</div>{panels}",
            edge=BLUE,
            width="72em",
        )

    def _repr_html_(self) -> str:
        return self.html()

    def _ipython_display_(self) -> None:
        from IPython import get_ipython
        if not live_view.has_page():
            live_view.show_plain(self.html(), repr(self))
            return
        with suppress(Exception):  # as after each cell
            self.look(get_ipython().user_ns)
        self._view = live_view.LiveView(self.html(live=True))
        self._view.show(self.html(), repr(self))
        _shown[:] = [self]
        events = get_ipython().events
        if _after_a_cell not in events.callbacks["post_run_cell"]:
            events.register("post_run_cell", _after_a_cell)

    def redraw(self, names: Mapping[str, Any]) -> None:
        """Look again, and show what is new."""
        if self.look(names) and self._view is not None:
            self._view.draw(self.html(live=True))


KEYS = {True: "frozen", False: "trainable", "mixed": "partly frozen"}


def model_map(
    backbone: Backbone, *, stage: int | None = None, num_classes: int = 10, released_blocks: int = 2, follow: str = "model"
) -> ModelMap:
    """The six stages with their counts, and the blocks of the learner's model.

    Args:
        backbone: whose architecture the stages have, from `helpers.models.backbones`.
        stage: where the learner is now, 1 to 6; its counts are those of the learner's model as soon as there is one.
        num_classes, released_blocks: see `helpers.plots.pipeline.pipeline_counts`.
        follow: the name of the notebook's variable that is shown.

    Raises:
        CourseError: there is no such stage.
    """
    counts = pipeline_counts(backbone, num_classes=num_classes, released_blocks=released_blocks)
    return ModelMap(backbone, None if stage is None else checked(stage), counts, follow)


def _after_a_cell(*_: object) -> None:
    from IPython import get_ipython

    for one in _shown:
        with suppress(Exception):  # a learner's own model may be of any kind, and a map is no reason to stop them
            one.redraw(get_ipython().user_ns)


def _sums(model: nn.Module) -> dict[str, tuple[float, ...]]:
    """Block -> the sum of each of its tensors, which tells whether a cell has changed it.

    PyTorch's own counters of changes would be cheaper, but running means and fused optimizers do not touch them.
    """
    found: dict[str, list[torch.Tensor]] = {}
    with torch.no_grad():
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if not tensor.is_meta:
                block = blocks.block_of(name.rpartition(".")[0]) or "(model)"
                found.setdefault(block, []).append(tensor.sum(dtype=torch.float32))
        return {block: tuple(torch.stack(sums).tolist()) for block, sums in found.items()}


def _box(name: str, layers: list[LayerReport], changed: bool, live: bool) -> str:
    state = blocks.state_of(layers)
    mark = f"<span style='display:block;font-size:80%;color:{GREEN}'>● changed</span>" if changed else ""
    content = (
        f"{blocks.bar(state)}<span style='display:block;font-family:monospace;font-size:88%'>{escape(name)}</span>"
        f"<span style='display:block;font-size:85%'>{_number(layers)}</span>{mark}"
    )
    look = f"border:1px solid {PALE};border-radius:4px;padding:.25em .35em;line-height:1.3;overflow:hidden"
    words = f"{name}, {_number(layers)} parameters, {FROZEN_WORDS[state]}{', changed by the last cell' * changed}"
    return blocks.opener(name, words, content, look) if live else f"<div title='{escape(words)}' style='{look}'>{content}</div>"


def _number(layers: list[LayerReport]) -> str:
    return short(sum(layer.scalars for layer in layers))


def _sample(state: bool | str) -> str:
    return f"<span style='display:inline-block;width:1.6em'>{blocks.bar(state, '.7em')}</span>"
