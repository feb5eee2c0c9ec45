"""Small problems for `hypothesis` to draw."""

from hypothesis import strategies as st

from helpers.checks.architectures import OWN
from helpers.checks.small_models import Case

HEAD_NAMES = ("fc", "classifier", "head", "norm", "stem_out", "blocks_end")  # some lie within other modules' names


def small_cases(**more: st.SearchStrategy) -> st.SearchStrategy[Case]:
    """Cases of every kind that has many sizes; `more` are further fields, or others than these."""
    kinds, names = st.sampled_from((*OWN, "sequential")), st.sampled_from(HEAD_NAMES)
    fields = {"kind": kinds, "head_name": names, "num_classes": st.integers(2, 12)}
    sizes = {"width": st.integers(2, 9), "num_blocks": st.integers(2, 4), "seed": st.integers(0, 10_000)}
    return st.builds(Case, **fields | sizes | more)
