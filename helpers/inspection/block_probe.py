"""What can be read off each place of a network: a linear classifier on the features that come out of it.

Where a linear classifier separates the new classes, the network up to there has done the work already; what comes behind either
adds to it, or has turned to what the network was first trained for. Source: Alain and Bengio 2016, arXiv 1610.01644.
"""

import copy

import torch
from torch import Tensor, nn

from helpers.data.batches import TransformedImages
from helpers.models.backbones import Backbone
from helpers.training.features import compute_once

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
    front = _PooledPlaces(backbone, model)
    widths = front.widths(train[0][0][None])
    features, labels = {}, {}
    for name, dataset in {"train": train, "val": val}.items():
        title = f"{dataset.name}, read off at {len(widths)} places"
        once = compute_once(front, dataset, name=title, progress=progress)
        features[name], labels[name] = once.tensors[0].split(widths, dim=1), once.tensors[1]
    pairs = zip(features["train"], features["val"], strict=True)
    accuracies = [_accuracy(seen, labels["train"], new, labels["val"]) for seen, new in pairs]
    return dict(zip(backbone.places(model), accuracies, strict=False))  # the head, the last place, has none


class _PooledPlaces(nn.Module):
    """Images -> the features of all places but the head, averaged over the spots, side by side: float32 (N, sum of widths).

    Averaged, as the network does before its head: a classifier of a whole 48 x 48 map would have more weights than images.
    """

    def __init__(self, backbone: Backbone, model: nn.Module):
        super().__init__()
        # A frozen copy: the model keeps its flags and modes, and features may be computed once.
        frozen = copy.deepcopy(model).requires_grad_(False)
        chain = dict(backbone.chain(frozen))
        parts = [names for place, names in backbone.places(frozen).items() if place != backbone.head_name]
        self.places = nn.ModuleList(nn.Sequential(*(chain[name] for name in names)) for names in parts)
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
