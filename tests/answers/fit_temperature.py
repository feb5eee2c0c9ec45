"""`fit_temperature`: the loss at the bottom of its one valley, however it was found."""

import math

import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy, nll_loss

from tests.answers import changed, followed_by


def _check(labels):
    if not len(labels):
        raise ValueError("no image to fit on")


def _tried(temperatures, loss=lambda logits, labels, t: cross_entropy(logits / t, labels)):
    """An answer that tries these temperatures and takes the best."""

    def fit_temperature(logits, labels):
        _check(labels)
        return min(temperatures, key=lambda t: loss(logits, labels, t).item())

    return fit_temperature


def _row(low, high, number):
    return torch.logspace(math.log10(low), math.log10(high), number, dtype=torch.float64).tolist()


def _with_scipy(logits, labels):
    _check(labels)
    loss = lambda t: cross_entropy(logits.double() / t, labels).item()  # noqa: E731
    return float(minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x)


def _with_lbfgs(logits, labels):
    _check(labels)
    log_t = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([log_t], max_iter=100, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        found = cross_entropy(logits / log_t.exp(), labels)
        found.backward()
        return found

    optimizer.step(loss)
    return log_t.exp().item()


def _with_adam(logits, labels, steps=200):
    _check(labels)
    log_t = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([log_t], lr=0.04)
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(logits / log_t.exp(), labels).backward()
        optimizer.step()
    return log_t.exp().item()


FINE = _row(0.05, 20, 300)
_fine = _tried(FINE)


def _unchecked(logits, labels):
    return min(FINE, key=lambda t: cross_entropy(logits / t, labels).item())


def _divides_in_place(logits, labels):
    found = _fine(logits, labels)
    logits /= found
    return found


RIGHT = {
    "many tried": _fine,
    "scipy": _with_scipy,
    "LBFGS in the logarithm": _with_lbfgs,
    "Adam, long enough": _with_adam,
}
WRONG = {
    "six tried, as in lesson 07": (_tried((1.0, 1.25, 1.5, 2.0, 2.5, 3.0)), "not_at_the_bottom"),
    "ten steps of Adam": (lambda logits, labels: _with_adam(logits, labels, 10), "not_at_the_bottom"),
    "nothing fitted": (changed(_fine, lambda t: 1.0), "unchanged"),
    "multiplied": (_tried(FINE, lambda logits, labels, t: cross_entropy(logits * t, labels)), "inverse"),
    "softmax twice": (
        _tried(FINE, lambda logits, labels, t: cross_entropy(logits.softmax(dim=1) / t, labels)),
        "softmax_twice",
    ),
    "no log_softmax": (_tried(FINE, lambda logits, labels, t: nll_loss(logits / t, labels)), "at_an_end"),
    "the highest loss": (_tried(FINE, lambda logits, labels, t: -cross_entropy(logits / t, labels)), "at_an_end"),
    "nothing refused": (_unchecked, "not_refused"),
    "a tensor": (changed(_fine, torch.tensor), "not_a_float"),
    "below 0": (changed(_fine, lambda t: -t), "no_temperature"),
    "printed": (changed(_fine, print), "no_temperature", "not_a_float"),
    "divides in place": (_divides_in_place, "scores_changed"),
    "scales the logits afterwards": (followed_by(_fine, lambda logits: logits.mul_(2)), "scores_changed"),
}
