"""The prediction trace to play with: choose an image, or one of your own, and move between before and after fine-tuning.

In JupyterLab images are chosen by a click, and moments of the model by a slider. Elsewhere it is the first image at the last
moment, as plain HTML or text.
"""

from __future__ import annotations

import binascii
import io
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from html import escape

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from helpers.course import live_view
from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, FAULT, GREEN, INK, PALE, SOFT_INK, TINT
from helpers.course.paper import paper
from helpers.data.images import ImageSet
from helpers.inspection.prediction_steps import PredictionSteps, prediction_steps
from helpers.models.backbones import Backbone
from helpers.models.preprocessing import Preprocessing
from helpers.plots.look import number
from helpers.plots.prediction import MOST_BARS

YOURS = "your image"
NO_PICTURE = "This file holds no picture that can be read: take a PNG or a JPEG."
MAPS = 12  # of each grid of feature maps
PANEL = "flex:1 1 10em;min-width:0;max-width:17em"


class PredictionExplorer:
    """One image's way through a model at several moments, for a terminal (``print``) and a notebook (last line of a cell).

    Attributes:
        at: the key of the image that is shown, in `pictures`.
        moment: which of the models, from 0 on.
        pictures: key -> (the image, its class or None where nobody knows it).
        note: a sentence about the last file that was chosen; mostly empty.
    """

    def __init__(
        self,
        backbone: Backbone,
        moments: Mapping[str, nn.Module],
        transform: Preprocessing,
        class_names: Sequence[str],
        pictures: Mapping[str, tuple[Image.Image, int | None]],
    ) -> None:
        self.backbone, self.moments, self.transform = backbone, dict(moments), transform
        self.class_names, self.pictures = tuple(class_names), dict(pictures)
        self.at, self.moment, self.note = next(iter(self.pictures)), len(self.moments) - 1, ""
        self._steps: dict[str, list[PredictionSteps]] = {}
        self._view: live_view.LiveView | None = None

    def steps(self) -> list[PredictionSteps]:
        """What the image that is shown is at each step, at each moment of the model."""
        if self.at not in self._steps:
            image = self.transform(self.pictures[self.at][0])
            self._steps[self.at] = [prediction_steps(self.backbone, model, image) for model in self.moments.values()]
        return self._steps[self.at]

    @property
    def title(self) -> str:
        """The moment that is shown."""
        return list(self.moments)[self.moment]

    @property
    def verdict(self) -> tuple[str, str]:
        """(colour, words) of the prediction: right, wrong, or nobody knows."""
        found, right = self.steps()[self.moment].prediction, self.pictures[self.at][1]
        if right is None:
            return BLUE, "nobody said what it is"
        return (GREEN, "✓ right") if found == right else (FAULT, f"✕ wrong: it is {self.class_names[right]}")

    def words(self) -> str:
        """The prediction in a sentence."""
        step = self.steps()[self.moment]
        name, sure = self.class_names[step.prediction], float(step.probabilities.max())
        return f"{self.at}, {self.title}: {name}, probability {sure:.2f}, {self.verdict[1].lstrip('✓✕ ')}."

    def __repr__(self) -> str:
        return f"The prediction trace. {self.words()}"

    def html(self, *, live: bool = False) -> str:
        """The five steps of the image; `live`: with the images to choose from."""
        step, transform = self.steps()[self.moment], self.transform
        shape = f"3 × {transform.crop} × {transform.crop}"
        seen = _picture(transform.picture(self.pictures[self.at][0]), f"what the model sees of {self.at}")
        panels = (
            _panel("input image", shape, seen),
            _panel("features", f"{len(step.features):,} numbers", self._maps()),
            _panel("logits", f"{len(step.logits)} numbers", self._bars(step.logits)),
            _panel("softmax", "they add up to 1", self._bars(step.probabilities)),
            _panel("prediction", "the most probable class", self._prediction()),
        )
        row = f"<div style='display:flex;flex-wrap:wrap;gap:.6em 1.4em;margin-top:.5em'>{''.join(panels)}</div>"
        note = f"<div style='color:{FAULT}'>{escape(self.note)}</div>" if self.note else ""
        heading = f"<div style='font-weight:600;margin-top:.4em'>{escape(self.at)} · {escape(self.title)}</div>"
        return paper(f"{self._choice() if live else ''}{note}{heading}{row}", edge=self.verdict[0], width="76em")

    def _repr_html_(self) -> str:
        return self.html()

    def _ipython_display_(self) -> None:
        if not live_view.has_page():
            live_view.show_plain(self.html(), repr(self))
            return
        self._view = live_view.LiveView(self.html(live=True), self.answer, self._controls())
        self._view.show(self.html(), repr(self))

    def answer(self, do: str, value: str) -> None:
        """What a page tells: an image that was chosen, a file, or where the slider stands."""
        if do == "pick" and value in self.pictures:
            self.at, self.note = value, ""
        elif do == "moment" and value in map(str, range(len(self.moments))):
            self.moment = int(value)
        elif do == "file":
            self._take(value)
        else:
            return
        self._view.draw(self.html(live=True), self.note or self.words())

    def _take(self, address: str) -> None:
        """Take a picture that comes as a ``data:`` address."""
        try:
            picture = Image.open(io.BytesIO(b64decode(address.partition(",")[2], validate=True))).convert("RGB")
        except (binascii.Error, UnidentifiedImageError, OSError, ValueError):
            self.note = NO_PICTURE
            return
        self.pictures[YOURS], self.at, self.note = (picture, None), YOURS, ""
        self._steps.pop(YOURS, None)

    def _choice(self) -> str:
        """The images, small, as buttons."""
        told = []
        for key, (image, _) in self.pictures.items():
            frame = f"3px solid {INK}" if key == self.at else f"1px solid {PALE};padding:2px"
            look = f"border:{frame};border-radius:4px;background:{TINT};color:{INK};font:inherit;font-size:80%;cursor:pointer"
            name, pressed = escape(key), "true" if key == self.at else "false"
            data = f"data-do='pick' data-value='{name}' data-key='pick {name}' aria-pressed='{pressed}'"
            small = _picture(self.transform.picture(image), "", "3.4em")
            told.append(f"<button type='button' {data} style='{look}'>{small}<br>{name}</button>")
        look = "display:flex;flex-wrap:wrap;gap:.3em"
        return f"<div role='group' aria-label='Images to choose from' style='{look}'>{''.join(told)}</div>"

    def _controls(self) -> str:
        """The slider between moments of the model, and a place for a picture of one's own."""
        name, last = f"moment-{id(self)}", len(self.moments) - 1
        ends = "".join(f"<span>{escape(title)}</span>" for title in self.moments)
        slider = f"<input type='range' id='{name}' name='moment' min='0' max='{last}' value='{self.moment}' style='width:100%'>"
        under = f"<div aria-hidden='true' style='display:flex;justify-content:space-between;font-size:85%'>{ends}</div>"
        file = "<label>or a picture of your own: <input type='file' name='file' accept='image/*' style='max-width:20em'></label>"
        moment = f"<div style='flex:1 1 24em;max-width:34em'><label for='{name}'>moment of the model</label>{slider}{under}</div>"
        look = "display:flex;flex-wrap:wrap;gap:.5em 3em;align-items:center;margin:.3em .4em .8em"
        return f"<div style='{look}'>{moment}{file}</div>"

    def _maps(self) -> str:
        """Feature maps behind the stem and before the pooling, the same channels at every moment, and what changed."""
        first, step = self.steps()[0], self.steps()[self.moment]
        chosen = {"early": _strongest(first.early), "late": _strongest(first.late)}
        told = []
        for key, title in {"early": "after the first layers", "late": "before the pooling"}.items():
            maps = getattr(step, key)
            title = f"{MAPS} of {len(maps)} maps {title}, {maps.shape[-1]} × {maps.shape[-2]}"
            told.append(f"{_picture(_grid(maps[chosen[key]]), title)}<div style='font-size:80%;color:{SOFT_INK}'>{title}</div>")
        if self.moment:
            earlier, name = self.steps()[self.moment - 1].features, list(self.moments)[self.moment - 1]
            like = f"cosine {cosine_similarity(earlier, step.features, dim=0):.2f} to those of"
            like = "the same features as" if torch.equal(earlier, step.features) else like
            told.append(f"<div style='font-size:85%'>{like} “{escape(name)}”</div>")
        return "".join(told)

    def _bars(self, values: Tensor) -> str:
        """A line for each class: its name, a bar, its number; the winner in the colour of the verdict, the right class marked."""
        step, right, colour = self.steps()[self.moment], self.pictures[self.at][1], self.verdict[0]
        classes = list(range(len(values))) if len(values) <= MOST_BARS else values.topk(MOST_BARS).indices.tolist()
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0, 1e-6)
        rows = []
        for one in classes:
            value = float(values[one])
            start, width = ((min(value, 0.0) - low) / (high - low), abs(value) / (high - low))
            fill = colour if one == step.prediction else SOFT_INK
            drawn = f"margin-left:{start:.1%};width:{max(width, 0.01):.1%};height:.8em;background:{fill}"
            weight = "font-weight:700" if one == step.prediction else ""
            mark = " ◂ right" if one == right else ""
            cell = "padding:0 .35em 0 0;text-align:left;background:none"
            rows.append(
                f"<tr style='background:none;{weight}'>"
                f"<th scope='row' style='{cell};font-weight:inherit;overflow-wrap:anywhere'>{escape(self.class_names[one])}</th>"
                f"<td style='{cell};width:99%'><div aria-hidden='true' style='{drawn}'></div></td>"
                f"<td style='{cell};white-space:nowrap;font-variant-numeric:tabular-nums'>{number(value, 2)}{mark}</td></tr>"
            )
        look = f"border-collapse:collapse;width:100%;margin:0;font-size:85%;line-height:1.35;color:{INK}"
        return f"<table style='{look}'><tbody>{''.join(rows)}</tbody></table>"

    def _prediction(self) -> str:
        step, (colour, words) = self.steps()[self.moment], self.verdict
        name = f"<div style='font-size:230%;line-height:1.2;font-weight:700;color:{colour};overflow-wrap:anywhere'>"
        name += f"{escape(self.class_names[step.prediction])}</div>"
        sure = f"<div>probability {float(step.probabilities.max()):.2f}</div>"
        return f"{name}<div style='font-weight:600;color:{colour}'>{escape(words)}</div>{sure}"


def explore_predictions(
    backbone: Backbone,
    moments: Mapping[str, nn.Module],
    images: ImageSet,
    transform: Preprocessing,
    *,
    chosen: Sequence[int],
    more: Mapping[str, Image.Image] | None = None,
) -> PredictionExplorer:
    """Images to choose from, and the way of the chosen one through the model at several moments.

    Args:
        backbone: the description of the models.
        moments: title -> the model then, from before to after.
        images: where `chosen` are from.
        transform: what the models expect, from ``backbone.transform()``.
        chosen: numbers of images in `images`.
        more: caption -> a picture that belongs to no class.

    Raises:
        CourseError: there is no model, or no image.
    """
    if not moments or not (chosen or more):
        raise CourseError("There is nothing to explore: pass one model or more, and the numbers of one image or more.")
    pictures = {f"image {i}": (images.images[i], int(images.labels[i])) for i in chosen}
    pictures |= {caption: (image, None) for caption, image in (more or {}).items()}
    return PredictionExplorer(backbone, moments, transform, images.class_names, pictures)


def _panel(title: str, detail: str, content: str) -> str:
    head = f"<div style='font-weight:600'>{title}</div><div style='font-size:85%;color:{SOFT_INK}'>{detail}</div>"
    return f"<div style='{PANEL}'>{head}{content}</div>"


def _strongest(maps: Tensor) -> Tensor:
    """The places of the maps in which most happens."""
    return maps.flatten(1).std(dim=1, correction=0).topk(min(MAPS, len(maps))).indices


def _grid(maps: Tensor) -> Image.Image:
    """The maps, four in a row: dark blue low, yellow high (cividis is made for colour-blind readers)."""
    from matplotlib import colormaps
    from torchvision.utils import make_grid

    low, high = maps.min(), maps.max()
    scaled = (maps - low) / (high - low).clamp(min=1e-6)
    times = max(1, 24 // maps.shape[-1])
    enlarged = scaled[:, None].repeat_interleave(times, -1).repeat_interleave(times, -2)
    grid = make_grid(enlarged, nrow=4, padding=max(1, enlarged.shape[-1] // 16), pad_value=float("nan"))[0]
    coloured = colormaps["cividis"].with_extremes(bad=(1, 1, 1, 1))(grid.numpy(), bytes=True)
    return Image.fromarray(coloured[..., :3])


def _picture(image: Image.Image, words: str, width: str = "9.5em") -> str:
    file = io.BytesIO()
    image.save(file, format="png")
    source = f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
    look = f"width:{width};max-width:100%;margin:.2em 0;image-rendering:pixelated"
    return f"<img alt='{escape(words)}' src='{source}' style='{look}'>"
