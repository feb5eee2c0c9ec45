"""Pre-trained networks.

preprocessing  an image as the weights expect it
weights        ImageNet's weights, from pip or downloaded once, and compared with a checksum
backbones      a network with its head, its residual blocks, its weights and its preprocessing, under one description
"""

from helpers.models.backbones import course_backbone, get, released_model

__all__ = ["course_backbone", "get", "released_model"]
