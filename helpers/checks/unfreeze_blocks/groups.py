"""Parameter groups as an answer gives them: what an optimizer would take, and what was meant where it would not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from helpers.checks.report import Finding, failed, wrong_type

WANTED = 'a list of dicts, each with the keys "params" and "lr"'


@dataclass
class Groups:
    """Groups of parameters.

    Attributes:
        given: the groups, each with lists of parameters in place of what was given.
        contents: of each group the names of its parameters, and its rate. Of what is not the model's: what it is.
        slip: what keeps an optimizer from taking them, though it is clear what is meant; None if nothing does.
        trouble: why nothing can be made of them; None if something can.
    """

    given: list[dict] = field(default_factory=list)
    contents: list[tuple[list[str], float]] = field(default_factory=list)
    slip: Finding | None = None
    trouble: Finding | None = None

    @classmethod
    def read(cls, answer: Any, model: nn.Module) -> Groups:
        """What an answer gives, for this model."""
        if not isinstance(answer, (list, tuple)) or not all(isinstance(group, dict) for group in answer):
            likely = "An optimizer takes such a list in place of the parameters."
            return cls(trouble=wrong_type("head", "not_groups", answer, WANTED, likely))
        groups, names = cls(), {id(p): name for name, p in model.named_parameters()}
        for group in answer:
            params, lr = _params(group), _rate(group)
            if params is None or lr is None:
                found = f"a group with the keys {', '.join(map(str, group)) or '(none)'}"
                return cls(trouble=failed("head", "wrong_key", found=found, expected=WANTED))
            if not {"params", "lr"} <= {*group}:
                found = f"a group with the keys {', '.join(map(str, group))}"[:200]
                groups.slip = failed(
                    "usable", "wrong_key", found=found, expected=WANTED, likely="torch.optim knows these keys only."
                )
            kinds = {type(p).__name__ for p in params if not isinstance(p, Tensor)}
            if kinds:
                groups.slip = failed(
                    "usable", "not_tensors", found=f"in a group: {', '.join(sorted(kinds))}", expected="the tensors themselves",
                    likely="These are names: of named_parameters() keep the tensors." if kinds == {"str"} else "",
                )  # fmt: skip
            groups.given.append({**group, "params": params})
            groups.contents.append(([_name(p, names) for p in params], lr))
        return groups


def _name(thing: Any, names: dict[int, str]) -> str:
    if isinstance(thing, str):
        return thing
    return names.get(id(thing), f"a {type(thing).__name__} that is not in this model")


def _params(group: dict) -> list | None:
    """The parameters of a group as a list; those under another key as well, if it is the only one that holds several things."""
    found = group.get("params", next((v for v in group.values() if isinstance(v, Iterable) and not isinstance(v, str)), None))
    if found is None or not isinstance(found, Iterable):
        return None
    things = [found] if isinstance(found, Tensor) else list(found)
    # torch takes pairs of name and tensor as well.
    return [thing[1] if isinstance(thing, tuple) and len(thing) == 2 else thing for thing in things]


def _rate(group: dict) -> float | None:
    """The rate of a group; one under another key as well, if it is the only number there."""
    numbers = [value for value in group.values() if type(value) in (int, float)]
    found = group.get("lr", numbers[0] if len(numbers) == 1 else None)
    return float(found) if isinstance(found, (int, float, Tensor)) else None
