"""Pre-trained networks.

eager          torch, torchvision and timm without the compiler, which takes as long to import as torch itself
preprocessing  an image as the weights expect it
weights        ImageNet's weights, from pip or downloaded once, and compared with a checksum
lora           a trained layer with a small one beside it that learns
transformer    a small vision transformer, for what is different without BatchNorm
backbones      a network with its head, its residual blocks, its weights and its preprocessing, under one description
"""

import lazy_loader

# What lessons import; each comes with its file when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "backbones": ["course_backbone", "get", "with_new_head"],
        "lora": ["LoRA"],
        "transformer": ["vision_transformer"],
    },
)
