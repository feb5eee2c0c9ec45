"""Pairs of answers that are unusually alike: a reason to look at both, never a proof of copying.

Each answer becomes the set of its shingles, runs of five tokens, which do not depend on names, comments and layout. What the
course gave out or answers itself, and what many in the class have, counts for nothing. Comparing texts by such runs is from
Broder, "On the resemblance and containment of documents", 1997, https://doi.org/10.1109/SEQUEN.1997.666900
"""

import builtins
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

SHINGLE = 5  # tokens in a row; fewer are in every answer, more are broken by each small change
LEAST = 30  # shingles of its own below which an answer is too short to say anything: about five lines of code
ALIKE = 0.8  # the part of both answers' own shingles that a pair has in common
FEW, SHARE = 3, 0.25  # a shingle is someone's own if at most three learners have it, or a quarter of the class
MAX_CHARACTERS = 10_000  # of an answer; what follows is not read

# Read by patterns and not by Python's parser, which code made for the purpose can crash.
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>[rbfuRBFU]{0,2}(?:\"{3}(?:\\[\s\S]|(?!\"{3})[^\\])*\"{3}|'{3}(?:\\[\s\S]|(?!'{3})[^\\])*'{3}
        |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<name>[^\W\d]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<line>\n)
    |(?P<sign>[^\w\s])""",
    re.VERBOSE,
)
_KEPT = frozenset({*keyword.kwlist, *dir(builtins)})
_ANY_NAME = "name"  # what stands for every name that a learner can choose


class Pair(NamedTuple):
    """Two learners' answers to one exercise; `likeness` is the part of their own shingles that both have, in [0, 1]."""

    exercise: str
    first: str
    second: str
    likeness: float


def pairs(exercise: str, answers: Mapping[str, str], known: Iterable[str] = (), *, prose: bool = False) -> list[Pair]:
    """The pairs that are unusually alike, the most alike first.

    Args:
        exercise: its name.
        answers: learner -> source, of those who have written one.
        known: sources that count for nothing: what was handed out, and the course's own answer.
        prose: whether the answers are words and not code.
    """
    own = _own(answers, known, prose)
    holders: dict[tuple, list[str]] = defaultdict(list)
    for learner in sorted(own):
        for shingle in own[learner]:
            holders[shingle].append(learner)
    common = Counter(pair for learners in holders.values() for pair in combinations(learners, 2))
    found = [Pair(exercise, a, b, count / (len(own[a]) + len(own[b]) - count)) for (a, b), count in common.items()]
    return sorted((pair for pair in found if pair.likeness >= ALIKE), key=lambda pair: (-pair.likeness, pair))


def _own(answers: Mapping[str, str], known: Iterable[str], prose: bool) -> dict[str, set[tuple]]:
    """Learner -> the shingles that few others have, of those who have enough of them."""
    ordinary = {shingle for source in known for shingle in shingles(source, prose=prose)}
    found = {learner: shingles(source, prose=prose) - ordinary for learner, source in answers.items()}
    spread = Counter(shingle for those in found.values() for shingle in those)
    few = max(FEW, SHARE * len(found))
    own = {learner: {shingle for shingle in those if spread[shingle] <= few} for learner, those in found.items()}
    return {learner: those for learner, those in own.items() if len(those) >= LEAST}


def shingles(source: str, *, prose: bool = False) -> set[tuple]:
    """The runs of `SHINGLE` tokens in an answer."""
    source = source[:MAX_CHARACTERS]
    tokens = re.findall(r"\w+", source.lower()) if prose else list(_tokens(source))
    return set(zip(*(tokens[start:] for start in range(SHINGLE)), strict=False))


def _tokens(source: str) -> Iterator[str]:
    """The tokens of a piece of code without comments, docstrings and the choice of names and quotation marks."""
    before, pending = "\n", ""
    for match in _TOKEN.finditer(source):
        kind, word = match.lastgroup, match[0]
        if kind == "comment":
            continue
        if pending and kind != "line":
            yield pending
        pending = ""
        if kind == "text":
            word = word.lstrip("rbfuRBFU").strip("'\"")
            # A text alone on its line is a docstring; whether it is alone, the next token says.
            pending, word = (word, "") if before == "\n" else ("", word)
        elif kind == "name" and before != "." and word not in _KEPT:
            word = _ANY_NAME
        before = match[0] if kind != "text" else "text"
        if word and kind != "line":
            yield word
