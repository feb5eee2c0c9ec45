"""What can be read off each place of a network: a linear classifier on the features that come out of it.

Where a linear classifier separates the new classes, the network up to there has done the work already; what comes behind either
adds to it, or has turned to what the network was first trained for. Source: Alain and Bengio 2016, arXiv 1610.01644.
"""

import copy
from importlib import metadata

import torch
from torch import Tensor, nn

from helpers.data.batches import TransformedImages
from helpers.models.backbones import Backbone
from helpers.training import cache, recipe
from helpers.training.features import compute_once, split_model

SPLITS = ("train", "val")

# On 500 digits it took lbfgs 16 to 119 steps to converge, most where there are few features (scikit-learn allows 100 by default).
MOST_STEPS = 1000


def probe_blocks(
    backbone: Backbone, model: nn.Module, train: TransformedImages, val: TransformedImages, *, progress: bool = True
) -> dict[str, float]:
    """Place -> accuracy on `val`, in [0, 1], of a linear classifier that sees only what comes out of that place.

    The places are those of `Backbone.places`, from the stem to the last block; the head is left out, being such a classifier
    itself. All features come from one pass over the images and are kept in the course's cache folder.

    Args:
        backbone: the description of `model`.
        model: the whole model; read only, in eval mode, whatever mode it is in.
        train: what the classifiers learn from.
        val: what they are measured on.
        progress: say what is computed and for about how long.
    """
    frozen = copy.deepcopy(model).requires_grad_(False).eval()  # the model keeps its flags and modes
    places = [names for place, names in backbone.places(frozen).items() if place != backbone.head_name]
    # What the recipe does not release is the same before and after it, and comes out of the same pass.
    n = recipe.released_blocks(backbone)
    chain, (front, _) = dict(backbone.chain(frozen)), split_model(backbone, frozen, n)
    early, late = (_PooledPlaces([[chain[name] for name in names] for names in part]) for part in (places[:-n], places[-n:]))
    found = {}
    for name, dataset in {"train": train, "val": val}.items():
        title = f"{dataset.name}, read off at {len(places)} places"
        first = compute_once(early, dataset, name=title, progress=progress)
        between = compute_once(front, dataset, progress=False)
        second = compute_once(late, between, progress=False)
        found |= {f"{name} early": first.tensors[0], f"{name} late": second.tensors[0], f"{name} labels": first.tensors[1]}
    widths = early.widths(train[0][0][None]), late.widths(between.tensors[0][:1])
    return dict(zip(backbone.places(model), _accuracies(found, *widths), strict=False))  # the head, the last place, has none


def _accuracies(found: dict[str, Tensor], *widths: list[int]) -> list[float]:
    """The accuracy on val of each place's classifier, learned here or read from disk."""
    key = cache.make_key("probes", metadata.version("scikit-learn"), repr(widths), cache.checksum(found))
    folder, limit_mb = cache.place()
    kept = cache.read(folder, key)
    if kept is None:
        sides = dict(zip(("early", "late"), widths, strict=True))
        split = {name: [part for side in sides for part in found[f"{name} {side}"].split(sides[side], dim=1)] for name in SPLITS}
        pairs = zip(split["train"], split["val"], strict=True)
        accuracies = [_accuracy(seen, found["train labels"], new, found["val labels"]) for seen, new in pairs]
        kept = {"accuracies": torch.tensor(accuracies, dtype=torch.float64)}
        cache.write(folder, key, kept, limit_mb)
    return kept["accuracies"].tolist()


class _PooledPlaces(nn.Module):
    """What goes into the first of some places -> the features of all, averaged over the spots, side by side: float32 (N, widths).

    Averaged, as the network does before its head: a classifier of a whole 48 x 48 map would have more weights than images.
    """

    def __init__(self, places: list[list[nn.Module]]):
        super().__init__()
        self.places = nn.ModuleList(nn.Sequential(*modules) for modules in places)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat(self.pooled(images), dim=1)

    def pooled(self, images: Tensor) -> list[Tensor]:
        """The averaged features of each place: float32 (N, channels) each."""
        found, x = [], images
        for place in self.places:
            x = place(x)
            found.append(x.mean(dim=(2, 3)) if x.ndim == 4 else x)
        return found

    @torch.no_grad()
    def widths(self, images: Tensor) -> list[int]:
        """How many features each place has."""
        device = next(self.parameters()).device
        return [features.shape[1] for features in self.pooled(images.to(device))]


def _accuracy(seen: Tensor, seen_labels: Tensor, new: Tensor, new_labels: Tensor) -> float:
    """Learn from the seen features, float32 (N, D), and their labels, int64 (N,); the accuracy on the new ones.

    Multinomial logistic regression is what a head is, and its best weights do not depend on a seed, a rate or a number of epochs.
    Features are standardised, since they differ tenfold and more in scale, which slows the solver and makes the penalty on large
    weights unfair. That penalty is scikit-learn's default, C = 1: at each place within 1 point of the best of C = 0.003 to 1.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MOST_STEPS))
    classifier.fit(seen.numpy(), seen_labels.numpy())
    return float(classifier.score(new.numpy(), new_labels.numpy()))
