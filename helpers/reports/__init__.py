"""What a run supports, measured again and written up as a page."""

import lazy_loader

# What lessons import; each comes with its file when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"evidence": ["gather"], "model_card": ["model_card"], "strategy": ["write_report"]}
)
