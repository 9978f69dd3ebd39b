"""The one published network inside this package, so that nothing depends on what can be reached.

The authors' 0.25/224 as Keras Applications published it (1000 classes, batch norms unfolded),
converted to our safetensors; `mobilenet/data/NOTICE` has its origin and licence.
"""

from pathlib import Path

from mobilenet.weights.releases import RELEASES

RELEASE = next(release for release in RELEASES if release.name == "keras_0.25_224")
PATH = Path(__file__).parents[1] / "data" / "mobilenet_v1_0.25_224.safetensors"
