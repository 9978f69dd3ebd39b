"""VGG-16 (Simonyan and Zisserman 2014, arXiv 1409.1556, configuration D)."""

from torch import nn

WIDTHS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions; then a pool


def vgg16(classes: int = 1000) -> nn.Module:
    """(B, 3, 224, 224) to (B, classes)."""
    layers: list[nn.Module] = []
    channels = 3
    for width, depth in WIDTHS:
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers,  # (B, 512, 7, 7)
        nn.Flatten(),
        nn.Linear(512 * 7 * 7, 4096), nn.ReLU(),
        nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, classes),
    )  # fmt: skip
