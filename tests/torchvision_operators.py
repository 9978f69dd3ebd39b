"""torchvision beside a CPU build of torch.

Its wheel on PyPI is built for CUDA, and fails to import where its operators are not there.
"""

import torch

DECLARED: list[torch.library.Library] = []  # operators are there as long as it is


def declare() -> None:
    """Declare the operators that torchvision looks for; it cannot call them."""
    if torch.version.cuda is None and not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        DECLARED.append(library)
