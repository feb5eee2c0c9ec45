"""Things to move: a slider in the notebook, a plain picture where there is none."""

from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from helpers.course import live_view
from helpers.course.palette import GREEN, INK, SOFT_INK
from helpers.course.paper import paper
from helpers.models.backbones import Backbone
from helpers.parameters import Counts
from helpers.plots.look import GROUNDS


@dataclass(frozen=True)
class ReleasedBlocks:
    """A slider for the number of released blocks, with what is trainable at each setting.

    Attributes:
        title: the backbone's name in sentences.
        counts: counts for n = 0 (the head alone), 1, ... up to all blocks.
        n: where the slider stands at first.
        views: where it is shown.
    """

    title: str
    counts: tuple[Counts, ...]
    n: int
    views: list[live_view.LiveView] = field(default_factory=list, compare=False, repr=False)

    @property
    def num_blocks(self) -> int:
        """Blocks in all."""
        return len(self.counts) - 1

    def words(self, n: int) -> str:
        """What is trainable with the last n blocks released, in a sentence."""
        counts = self.counts[n]
        released = {0: "the head alone", 1: "the last block and the head"}.get(n, f"the last {n} blocks and the head")
        return (
            f"n = {n}: {released} {'is' if n == 0 else 'are'} trainable, {counts.trainable:,} of {counts.total:,} parameters "
            f"({counts.trainable / counts.total:.2%}) in {counts.trainable_tensors} of {counts.tensors} tensors."
        )

    def html(self, n: int) -> str:
        """The backbone as a row of boxes, first block on the left, head on the right; what is trainable is green.

        The more parameters a block has, the wider is its box.
        """
        held = [more.trainable - fewer.trainable for fewer, more in pairwise(self.counts)][::-1]
        boxes = "".join(_box(str(i + 1), held[i], learns=i >= self.num_blocks - n) for i in range(self.num_blocks))
        words = escape(self.words(n))
        title = f"{escape(self.title)}: {self.num_blocks} residual blocks and the head; more parameters, wider box"
        head = _box("head", self.counts[0].trainable, learns=True)
        row = f"<div style='display:flex;gap:3px;margin:.4em 0;max-width:60em'>{boxes}{head}</div>"
        content = f"<div style='color:{SOFT_INK};font-size:90%'>{title}</div>{row}<div aria-hidden='true'>{words}</div>"
        return paper(content, edge=GREEN, attributes=f" role='img' aria-label='{words}'")

    def __repr__(self) -> str:
        return self.words(self.n)

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        if not live_view.has_page():
            display(HTML(self.html(self.n)))
            return
        name, last = f"released-{id(self)}", self.num_blocks
        told = f"id='{name}' name='n' min='0' max='{last}' value='{self.n}'"
        # From right to left, as blocks are released: the knob moves the way the green goes.
        slider = f"<input type='range' dir='rtl' {told} style='width:24em;max-width:60%'>"
        label = f"<label for='{name}'>released blocks, 0 at the right to {last} at the left &nbsp;</label>"
        view = live_view.LiveView(self.html(self.n), self._moved, f"<div style='margin:.2em 0 .6em'>{label}{slider}</div>")
        self.views.append(view)
        view.show(self.html(self.n), self.words(self.n))

    def _moved(self, do: str, value: str) -> None:
        """The slider was moved on a page: all pictures of it follow."""
        if do == "n":
            for view in self.views:
                view.draw(self.html(int(value)), self.words(int(value)))


def _box(text: str, parameters: int, *, learns: bool) -> str:
    """One part of the backbone, the wider the more parameters it has. Stripes as well as colour say that it is frozen."""
    look = f"background:{GREEN};color:white" if learns else f"color:{INK};background:{GROUNDS[True]}"
    state = "trainable" if learns else "frozen"
    size = f"flex:{parameters} 0 {'3.4em' if text == 'head' else '1.9em'}"
    style = f"{size};text-align:center;padding:.45em 0;border-radius:4px;font-size:85%;{look}"
    return f"<div title='{text}: {state}, {parameters:,} parameters' style='{style}'>{text}</div>"


def released_blocks(backbone: Backbone, *, num_classes: int = 10, n: int = 2) -> ReleasedBlocks:
    """The slider for a backbone's architecture; needs no weights.

    Args:
        backbone: from `helpers.models.backbones`.
        num_classes: outputs of the head.
        n: where the slider stands at first.
    """
    model = backbone.build(num_classes, pretrained=False)
    blocks = backbone.residual_blocks(model)
    sizes = {id(p): p.numel() for p in model.parameters()}
    learning, counts = set(), []
    for part in (backbone.head(model), *reversed(blocks)):
        learning |= {id(p) for p in part.parameters()}
        counts.append(Counts(sum(sizes.values()), sum(sizes[key] for key in learning), len(sizes), len(learning)))
    return ReleasedBlocks(backbone.title, tuple(counts), n)
