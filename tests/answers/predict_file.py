"""`predict_file`: what a model says to one photograph, by its path."""

import copy
import io
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import nn

from tests.answers import changed, given
from tests.answers import switching_gradients_off as _switching


def _upright(path):
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _like_the_weights(batch, model):
    return batch.to(next(model.parameters()))


def _made_of(
    read=_upright, mode=nn.Module.eval, place=_like_the_weights, recorded=False, score=lambda logits: logits.softmax(dim=1)[0],
    pick=torch.argmax,
):  # fmt: skip
    """A predict_file put together from parts, so that each wrong answer differs from a right one in a single place."""

    def predict_file(model, path, transform, class_names):
        batch = place(transform(read(path)).unsqueeze(0), model)
        mode(model)
        with torch.set_grad_enabled(recorded):
            scores = score(model(batch))
        best = int(pick(scores))
        return class_names[best], scores[best].item()

    return predict_file


_right = _made_of()


@torch.inference_mode()
def _on_a_copy(model, path, transform, class_names):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(Path(path).read_bytes()))).convert("RGB")
    copied = copy.deepcopy(model).eval()
    weight = next(copied.parameters())
    logits = copied(torch.stack([transform(image)]).to(device=weight.device, dtype=weight.dtype)).flatten()
    pairs = sorted(zip(logits.double().softmax(0).tolist(), class_names, strict=True))
    return pairs[-1][1], pairs[-1][0]


def _mode_restored(model, path, transform, class_names):
    modes = {module: module.training for module in model.modules()}
    found = _right(model, path, transform, class_names)
    for module, training in modes.items():
        module.training = training
    return found


def _own_preprocessing(model, path, transform, class_names):
    pixels = torch.tensor(list(_upright(path).resize((12, 12)).tobytes())).view(12, 12, 3).permute(2, 0, 1) / 255
    return _right(model, path, lambda image: pixels, class_names)


def _over_images(model, path, transform, class_names):
    label, _ = _right(model, path, transform, class_names)
    return label, torch.softmax(torch.randn(1, len(class_names)), dim=0).max().item()


def _on_its_side(path):
    return Image.open(path).convert("RGB")


RIGHT = {"upright, RGB, like the weights": _right, "on a copy, sorted": _on_a_copy, "modes restored": _mode_restored}
WRONG = {
    "on its side": (_made_of(read=_on_its_side), "on_its_side"),
    "train mode": (_made_of(mode=nn.Module.train), "train_mode", "statistics_moved"),
    "grey left grey": (_made_of(read=lambda path: ImageOps.exif_transpose(Image.open(path))), "error"),
    "image left in its own type": (_made_of(place=lambda batch, model: batch), "other_precision"),
    "mode not set": (_made_of(mode=lambda model: None), "train_mode", "statistics_moved"),
    "gradient recorded": (_made_of(recorded=True), "gradient_kept"),
    "a logit": (_made_of(score=lambda logits: logits[0]), "logit_shown"),
    "per cent": (changed(_right, lambda pair: (pair[0], 100 * pair[1])), "percent"),
    "softmax over images": (_over_images, "wrong_dim"),
    "least probable": (_made_of(pick=torch.argmin), "least_likely"),
    "sigmoid": (_made_of(score=lambda logits: logits.sigmoid()[0]), "wrong_probability"),
    "names sorted": (given(_right, class_names=sorted), "other_order"),
    "names in capitals": (given(_right, class_names=lambda names: [name.upper() for name in names]), "wrong_label"),
    "another preprocessing": (_own_preprocessing, "transform_not_used"),
    "a tensor": (changed(_right, lambda pair: (pair[0], torch.tensor(pair[1]))), "not_plain"),
    "a list": (changed(_right, list), "not_a_pair"),
    "the label alone": (changed(_right, lambda pair: pair[0]), "not_a_pair", "no_label", "no_number"),
    "printed, not returned": (changed(_right, lambda pair: print(*pair)), "nothing_returned", "no_label", "no_number"),
    "gradients switched off for good": (_switching(_right), "left_switched"),
}  # fmt: skip
