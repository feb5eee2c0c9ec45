"""`classify`: the k likeliest labels of an image, with probabilities."""

import copy

import torch
from torch import nn

from tests.answers import changed, given
from tests.answers import switching_gradients_off as _switching


def _made_of(
    mode=nn.Module.eval, recorded=False, score=lambda logits: logits.softmax(1)[0], largest=True, show=lambda values: values
):
    """A classify put together from parts, so that each wrong answer differs from a right one in a single place."""

    def classify(model, transform, image, categories, k=5):
        mode(model)
        with torch.set_grad_enabled(recorded):
            scores = score(model(transform(image).unsqueeze(0)))
        values, indices = scores.topk(k, largest=largest)
        return [(categories[index], value) for value, index in zip(show(values).tolist(), indices.tolist(), strict=True)]

    return classify


_topk = _made_of()


def _sorted(model, transform, image, categories, k=5):
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = model(torch.stack([transform(image)])).squeeze(0)
    model.train(was_training)
    probabilities = nn.functional.softmax(logits, dim=-1).tolist()
    pairs = sorted(zip(categories, probabilities, strict=True), key=lambda pair: -pair[1])
    return pairs[:k]


@torch.no_grad()
def _argsort(model, transform, image, categories, k=5):
    probabilities = torch.exp(torch.log_softmax(copy.deepcopy(model).eval()(transform(image)[None])[0], 0))
    return [(str(categories[i]), probabilities[i].item()) for i in probabilities.argsort(descending=True)[:k]]


def _on_the_original(model, transform, image, categories, k=5):
    model.eval()
    with torch.no_grad():
        probabilities = model.forward(transform(image).reshape(1, *transform(image).shape)).softmax(-1).flatten()
    order = sorted(range(len(categories)), key=lambda i: probabilities[i].item(), reverse=True)
    return [(categories[i], float(probabilities[i])) for i in order[:k]]


def _own_preprocessing(model, transform, image, categories, k=5):
    side = 12
    values = torch.tensor(list(image.resize((side, side)).tobytes()), dtype=torch.float32)
    pixels = values.view(side, side, 3).permute(2, 0, 1) / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return _topk(model, lambda _: (pixels - mean) / std, image, categories, k)


def _softmax_over_images(model, transform, image, categories, k=5):
    with torch.no_grad():
        logits = model.eval()(transform(image)[None])
    indices = logits[0].topk(k).indices.tolist()
    return [(categories[i], logits.softmax(0)[0, i].item()) for i in indices]


def _always_five(model, transform, image, categories, k=5):
    return _topk(model, transform, image, categories, min(5, len(categories)))


def _no_batch(model, transform, image, categories, k=5):
    with torch.no_grad():
        return [(categories[0], float(model.eval()(transform(image)).softmax(1)[0]))]


RIGHT = {"topk": _topk, "sorted, mode restored": _sorted, "on a copy": _argsort, "float and reshape": _on_the_original}
WRONG = {
    "another preprocessing": (_own_preprocessing, "transform_not_used"),
    "train mode": (_made_of(mode=lambda model: model.train()), "statistics_moved", "train_mode"),
    "mode not set": (_made_of(mode=lambda model: None), "train_mode", "statistics_moved"),
    "gradient recorded": (_made_of(recorded=True), "gradient_kept"),
    "logits": (_made_of(score=lambda logits: logits[0]), "logits_shown"),
    "softmax over images": (_softmax_over_images, "wrong_dim"),
    "softmax of the best": (_made_of(score=lambda logits: logits[0], show=lambda values: values.softmax(0)), "softmax_of_top_k"),
    "per cent": (changed(_topk, lambda pairs: [(label, value * 100) for label, value in pairs]), "percent"),
    "worst first": (changed(_topk, lambda pairs: pairs[::-1]), "not_sorted"),
    "k ignored": (_always_five, "wrong_length"),
    "labels shifted by one": (given(_topk, categories=lambda names: (names[-1], *names[:-1])), "wrong_labels", "other_labels"),
    "values of torch": (changed(_topk, lambda pairs: [(label, torch.tensor(value)) for label, value in pairs]), "not_plain"),
    "a dict": (changed(_topk, dict), "not_a_list"),
    "least likely": (_made_of(largest=False), "least_likely"),
    "no batch": (_no_batch, "error"),
    "sigmoid": (_made_of(score=lambda logits: logits.sigmoid()[0]), "sigmoid"),
    "logarithms": (_made_of(score=lambda logits: logits.log_softmax(1)[0]), "log_softmax"),
    "rounded": (changed(_topk, lambda pairs: [(label, round(value, 2)) for label, value in pairs]), "rounded"),
    "printed, not returned": (changed(_topk, print), "nothing_returned", "no_pairs"),
    "gradients switched off for good": (_switching(_topk), "left_switched"),
    "indices for labels": (
        given(_topk, categories=lambda names: [str(n) for n in range(len(names))]),
        "wrong_labels",
        "other_labels",
    ),
}
