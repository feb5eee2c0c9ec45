"""`find_suspects`: contradicted images, the surest contradictions first."""

import numpy as np
import torch

from tests.answers import changed, followed_by


def _check(k):
    if k < 0:
        raise ValueError(f"k is {k}: ask for 0 or more")


def _asked(logits, labels):
    """(confidence, places of the contradicted images)."""
    confidence, classes = logits.softmax(dim=1).max(dim=1)
    return confidence, (classes != labels).nonzero().flatten()


def _sorted_part(logits, labels, k):
    _check(k)
    confidence, wrong = _asked(logits, labels)
    return wrong[confidence[wrong].argsort(descending=True)][:k]


def _agreed_last(logits, labels, k):
    _check(k)
    confidence, classes = logits.softmax(dim=1).max(dim=1)
    agreed = classes == labels
    return torch.where(agreed, -1.0, confidence).argsort(descending=True)[: min(k, int((~agreed).sum()))]


def _with_numpy(logits, labels, k):
    _check(k)
    scores = logits.double().numpy()
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    wrong = np.flatnonzero(scores.argmax(axis=1) != labels.numpy())
    return torch.from_numpy(wrong[np.argsort(-scores.max(axis=1)[wrong], kind="stable")][:k])


def _with_a_list(logits, labels, k):
    _check(k)
    probabilities = logits.softmax(dim=1)
    pairs = [(row.max().item(), i) for i, row in enumerate(probabilities) if row.argmax() != labels[i]]
    return torch.tensor([i for _, i in sorted(pairs, reverse=True)[:k]], dtype=torch.int64)


def _ranked(rank):
    """An answer that sorts the contradicted images by another number, the highest first."""

    def find_suspects(logits, labels, k):
        _check(k)
        _, wrong = _asked(logits, labels)
        return wrong[rank(logits, labels)[wrong].argsort(descending=True)][:k]

    return find_suspects


def _own(logits, labels):
    return logits.softmax(dim=1).gather(1, labels[:, None]).flatten()


def _surest_of_all(logits, labels, k):
    _check(k)
    return logits.softmax(dim=1).max(dim=1).values.argsort(descending=True)[:k]


def _places_in_part(logits, labels, k):
    _check(k)
    confidence, wrong = _asked(logits, labels)
    return confidence[wrong].argsort(descending=True)[:k]


def _unsorted(logits, labels, k):
    _check(k)
    return _asked(logits, labels)[1][:k]


def _unchecked(logits, labels, k):
    confidence, wrong = _asked(logits, labels)
    return wrong[confidence[wrong].argsort(descending=True)][:k]


def _filled_up(logits, labels, k):
    _check(k)
    confidence, classes = logits.softmax(dim=1).max(dim=1)
    return torch.where(classes == labels, -1.0, confidence).argsort(descending=True)[:k]


def _confidences(logits, labels, k):
    return logits.softmax(dim=1).max(dim=1).values[_sorted_part(logits, labels, k)]


def _mask(logits, labels, k):
    _check(k)
    return logits.argmax(dim=1) != labels


def _twice(found):
    return torch.cat([found[:1], found[:-1]])


RIGHT = {
    "the contradicted ones, sorted": _sorted_part,
    "the others put last": _agreed_last,
    "numpy": _with_numpy,
    "a list of pairs": _with_a_list,
}
WRONG = {
    "the surest of all": (_surest_of_all, "right_ones_too", "filled_up"),
    "places among the contradicted": (_places_in_part, "places_in_part"),
    "the least sure first": (_ranked(lambda logits, labels: -logits.softmax(dim=1).max(dim=1).values), "least_sure_first"),
    "by the largest logit": (_ranked(lambda logits, labels: logits.max(dim=1).values), "by_logit"),
    "by the label's probability": (_ranked(lambda logits, labels: -_own(logits, labels)), "by_own_label"),
    "by the lead over the label": (
        _ranked(lambda logits, labels: logits.softmax(dim=1).max(dim=1).values - _own(logits, labels)),
        "by_margin",
    ),
    "not sorted": (_unsorted, "not_sorted"),
    "from the end": (changed(_sorted_part, lambda found: found.flip(0)), "other_choice"),
    "one too few": (changed(_sorted_part, lambda found: found[:-1]), "other_number"),
    "filled up": (_filled_up, "filled_up"),
    "any k taken": (_unchecked, "not_refused"),
    "confidences": (_confidences, "values"),
    "a mask": (_mask, "a_mask"),
    "a list": (changed(_sorted_part, torch.Tensor.tolist), "no_indices"),
    "places that are none": (changed(_sorted_part, lambda found: found + 10_000), "out_of_range"),
    "one twice": (changed(_sorted_part, _twice), "taken_twice"),
    "none": (changed(_sorted_part, lambda found: found[:0]), "none_found", "other_number"),
    "softmax in place": (
        followed_by(_sorted_part, lambda logits: logits.copy_(logits.softmax(dim=1))),
        "scores_changed",
    ),
}
