"""What workers are forked with: imported in the forkserver only, so that none of them imports it for itself (5.6 CPU-s)."""

import gc

gc.disable()  # imports leave little garbage, and looking for it takes a part of their time

import distributed  # noqa: F401, E402
import timm  # noqa: F401, E402
import torchvision  # noqa: F401, E402

from helpers.grading.classroom import worker_setup  # noqa: F401, E402

gc.freeze()  # a collection in a worker would touch, and so copy, every page; and at the end one would take seconds
gc.enable()
