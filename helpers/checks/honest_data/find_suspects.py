"""The check of `find_suspects`: the images whose label the model contradicts, those of which it is surest first."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from helpers.checks.exercise import exercise
from helpers.checks.honest_data.tables import Scored, is_indices, refusal, said
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached

CLOSE = 1e-5  # confidences nearer than this count as equal: of equals either may come first


@exercise(
    aspects=(
        Aspect("contradicted", "only images whose label the model contradicts, each once", 2),
        Aspect("order", "those of which it is surest first", 2.5, requires=("contradicted",)),
        Aspect("number", "k of them, or all where there are fewer", 1, requires=("contradicted",)),
        Aspect("refuses", "a k below 0 is refused", 0.5, requires=("contradicted",)),
        Aspect("intact", "logits and labels are as they came", 0.25, requires=("contradicted",)),
    ),
    cases=(Scored(), Scored(80, 4, 1.0, 1, count=9), Scored(50, 8, 3.0, 2, count=5)),
    hints=(
        "Two questions about each image. Does the model name another class than the label? And how sure is it of the class that "
        "it names? The first one sorts out, the second one sorts.",
        "probabilities = logits.softmax(dim=1); probabilities.max(dim=1) gives confidence and class of each image. "
        "(classes != labels).nonzero().flatten() are the places of the contradicted ones, and argsort(descending=True) sorts.",
        "confidence, classes = logits.softmax(dim=1).max(dim=1)\nwrong = (classes != labels).nonzero().flatten()\n"
        "order = confidence[wrong].argsort(descending=True)\nreturn wrong[...][...]",
    ),
)
def find_suspects(case: Scored, answer: Callable[[Tensor, Tensor, int], Tensor]) -> Iterator[Finding]:
    """Ask for some suspects, for none, and for more than there are."""
    (logits, labels), (own_logits, own_labels) = case.scores(), case.scores()
    found, right = answer(own_logits, own_labels, case.count), suspects(logits, labels)
    expected = "a tensor int64 (M,) of indices: places in labels"
    if not is_indices(found) or (len(found) and not 0 <= int(found.min()) <= int(found.max()) < len(labels)):
        reason, likely = _form(found, len(labels))
        yield failed("contradicted", reason, found=said(found), expected=expected, likely=likely)
        yield from unreached(["order", "number", "refuses", "intact"])
        return
    yield from _chosen_findings(found, right[: case.count], logits, labels)
    yield _number_finding(case, found, right, answer)
    likely = "order[:-1] is all but the last one: a slice never complains. Look at k first."
    yield refusal("refuses", answer, (logits.clone(), labels.clone(), -1), "k = -1", likely)
    yield passed_if(
        "intact", torch.equal(own_logits, logits) and torch.equal(own_labels, labels), "scores_changed",
        found="the logits or labels that were passed in are others now", expected="both as they came",
        likely="Item assignment changes the caller's own tensor: work on a copy, or on a mask.",
    )  # fmt: skip


def suspects(logits: Tensor, labels: Tensor) -> Tensor:
    """Places of all contradicted images, those with the highest confidence first: int64 (M,).

    By confident learning's idea that a sure contradiction points at the label: Northcutt and others 2021, arXiv 1911.00068.
    """
    confidence, classes = logits.softmax(dim=1).max(dim=1)
    wrong = (classes != labels).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True, stable=True)]


def _form(found: object, number: int) -> tuple[str, str]:
    if isinstance(found, Tensor) and found.dtype == torch.bool:
        return "a_mask", "This is a yes or no for each image: nonzero().flatten() makes places of it, and they want to be sorted."
    if isinstance(found, Tensor) and found.is_floating_point():
        return "values", "These are confidences. Asked for are the places of the images: argsort gives places, sort both."
    if is_indices(found):
        return "out_of_range", f"There are {number} images: places go from 0 to {number - 1}."
    return "no_indices", ""


def _chosen_findings(found: Tensor, right: Tensor, logits: Tensor, labels: Tensor) -> Iterator[Finding]:
    probabilities = logits.softmax(dim=1)
    confidence, classes = probabilities.max(dim=1)
    agreed, twice = int((classes == labels)[found].sum()), len(found) - len(found.unique())
    reason, likely = _slip(found, logits, labels)
    if not len(found):
        yield failed("contradicted", "none_found", found="an empty tensor", expected=f"{len(right)} images")
        yield from unreached(["order"])
        return
    shown = f"{agreed} of {len(found)} have the label that the model names" if agreed else f"{twice} come more than once"
    yield passed_if(
        "contradicted", not agreed and not twice, reason if agreed else "taken_twice", found=shown,
        expected="images of which the model names another class than the label", likely=likely if agreed else "",
    )  # fmt: skip
    if agreed or twice:
        yield from unreached(["order"])
        return
    ours, theirs = confidence[found][: len(right)], confidence[right][: len(found)]
    if torch.allclose(ours, theirs, rtol=0, atol=CLOSE):
        yield passed("order")
        return
    shown, wanted = (", ".join(f"{value:.3f}" for value in values[:6].tolist()) for values in (ours, theirs))
    yield failed("order", reason, found=f"confidences {shown}", expected=f"confidences {wanted}", likely=likely)


def _slip(found: Tensor, logits: Tensor, labels: Tensor) -> tuple[str, str]:
    """The reason whose rule gives exactly these places."""
    probabilities, mine = logits.softmax(dim=1), found.tolist()
    confidence, classes = probabilities.max(dim=1)
    own = probabilities.gather(1, labels[:, None]).flatten()
    wrong, right = (classes != labels).nonzero().flatten(), suspects(logits, labels)
    rules = (
        ("right_ones_too", confidence.argsort(descending=True),
         "These are the surest answers of all: first leave out where class and label agree."),
        ("places_in_part", confidence[wrong].argsort(descending=True),
         "argsort gives places among the contradicted ones alone: wrong[order] leads back to the images."),
        ("least_sure_first", right.flip(0), "The least sure ones come first: argsort sorts upwards unless descending=True."),
        ("by_logit", wrong[logits.max(dim=1).values[wrong].argsort(descending=True)],
         "Sorted by the largest logit. How sure that is depends on the other logits: softmax first."),
        ("by_own_label", wrong[own[wrong].argsort()],
         "Sorted by the label's probability. A good rule, cleanlab's default; asked for is how sure the model is of its class."),
        ("by_margin", wrong[(confidence - own)[wrong].argsort(descending=True)],
         "Sorted by the lead over the label. A good rule as well, but asked for is the confidence alone."),
        ("not_sorted", wrong, "These are contradicted images as they come: sort them by confidence, then take the first k."),
    )  # fmt: skip
    for reason, places, likely in rules:
        if places[: len(mine)].tolist() == mine:
            return reason, likely
    return "other_choice", ""


def _number_finding(case: Scored, found: Tensor, right: Tensor, answer: Callable) -> Finding:
    for k in (case.count, 0, case.num_images):
        logits, labels = case.scores()
        number = len(found) if k == case.count else _length(answer(logits, labels, k))
        wanted = min(k, len(right))
        if number != wanted:
            reason, likely = "other_number", ""
            if k == case.num_images:
                reason, likely = "filled_up", "There are fewer contradicted images than k: what else is there is no suspect."
            return failed("number", reason, found=f"k = {k}: {number} images", expected=f"{wanted}", likely=likely)
    return passed("number")


def _length(found: object) -> int | str:
    return len(found) if is_indices(found) else said(found)
