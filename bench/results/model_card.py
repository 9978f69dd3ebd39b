"""What a card tells of a model beside its figures: how it is fed, its origin, its proof."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bench.results.bounds import MAX_LABELS, MAX_SIZES, Count, Number, Percent, Sentence

Head = Literal["classifier", "features", "deeplab", "ssdlite"]


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """None or empty where a package does not say, and in older lines."""

    target: str = ""
    min_ios: Count | None = None  # the oldest that loads it
    compute_units: Sentence = ""  # recommended, as Swift's MLComputeUnits calls them
    preprocessing: Sentence = ""  # from a photograph to what the network reads
    head: Head | Literal[""] = ""
    classes: Count | None = None
    labels: Annotated[tuple[Sentence, ...], Meta(max_length=MAX_LABELS)] = ()  # the first few
    labels_from: Sentence = ""  # where the weights do not name the classes
    # of a package with a function for each; the model's `resolution` is the last
    resolutions: Annotated[tuple[Count, ...], Meta(max_length=MAX_SIZES)] = ()
    weights: str = ""  # provenance in words
    release: Sentence = ""  # name of the published weights that they are, at whatever size
    # Percent, published for exactly this network: its weights, size and geometry, uncompressed
    published_top1: Percent | None = None
    published_top5: Percent | None = None
    licence: Sentence = ""
    command: Sentence = ""  # makes exactly this package; empty where no options do
    command_note: Sentence = ""  # on files in it that only the user has
    # Relative L2 of logits, as verified at export:
    structure: Number | None = None  # float32 against PyTorch: the graph is right
    agreement: Number | None = None  # as declared, against PyTorch with the package's own weights
    loss: Number | None = None  # compressed, against the original network
