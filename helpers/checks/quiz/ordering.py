"""Orders of items of which some need others: every order counts in which nothing stands before what it needs."""

from collections.abc import Iterator

from helpers.checks.quiz.question_kinds import Item, OrderingQuestion
from helpers.checks.report import Aspect, Finding, passed_if


def aspects(question: OrderingQuestion) -> tuple[Aspect, ...]:
    """One aspect for each item that needs another: it comes late enough.

    An item earns its share only if the items it needs have earned theirs or need nothing: an order that begins wrongly
    collects little for what is right by chance further down.
    """
    in_order = [item for item in map(question.item, next(orders(question))) if item.needs]
    needing = {item.letter for item in in_order}
    return tuple(
        Aspect(item.letter, f"{_named(item)} comes after all that it needs", requires=tuple(sorted(needing & set(item.needs))))
        for item in in_order
    )


def findings(question: OrderingQuestion, order: str) -> Iterator[Finding]:
    """For each item that needs another, whether it comes late enough, and if not, which dependency is broken."""
    for item in question.items:
        late = [question.item(letter) for letter in item.needs if order.index(letter) > order.index(item.letter)]
        if item.needs:
            yield passed_if(
                item.letter, not late, "_".join((item.letter, "before", *(needed.letter for needed in late))),
                found=f"{_named(item)} stands before {' and '.join(map(_named, late))}",
                expected=" and ".join(f"{needed.letter} before {item.letter}" for needed in late),
                likely=" ".join(item.needs[needed.letter] for needed in late),
            )  # fmt: skip


def _named(item: Item) -> str:
    return f"{item.letter} ({item.text})"


def orders(question: OrderingQuestion, begun: str = "") -> Iterator[str]:
    """All orders that count, or those of them that begin so, as strings of letters, in alphabetical order."""
    if len(begun) == len(question.items):
        yield begun
    for item in question.items:
        if item.letter not in begun and set(item.needs) <= set(begun):
            yield from orders(question, begun + item.letter)


def spaced(order: str) -> str:
    """An order as it is written in an answer: ``"b f d e a c"``."""
    return " ".join(order)
