"""What is exported, made once and passed on: the network, how to write it, what it will say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from export.compression.compressed_network import CompressedNetwork
from export.compression.quantizer import Quantizer
from export.head_outputs import columns_of, for_head, names_classes
from export.package.metadata import SCHEMA, ModuleMetadata, PackageMetadata
from export.spec import ExportSpec
from export.targets import Precision
from mobilenet import __version__, fold
from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Sides, Size
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.rows import Cost
from mobilenet.preprocess import Geometry, Normalization
from mobilenet.weights.known_weights import vouched_for

if TYPE_CHECKING:
    from torch import nn

MAIN = "main"  # what a program's only function is called


@dataclass(frozen=True, eq=False)
class TracedModule:
    """A PyTorch module of any kind, and what its training fixed.

    It maps normalized pictures (1, 3, height, width) to (1, outputs).
    """

    module: "nn.Module"
    name: str
    size: Size
    outputs: int
    macs: int
    parameters: int
    provenance: Provenance
    normalization: Normalization
    geometry: Geometry
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Prepared:
    """One network, ready to be written by a format and verified."""

    network: Checkpoint | TracedModule
    """As it was trained: what the package is verified against."""
    spec: ExportSpec
    """Resolved."""
    metadata: PackageMetadata
    folded: Checkpoint | None = None
    """Of a checkpoint: batch norm folded, and the first layers fit for the input of `spec`."""
    precision: Precision = "fp16"
    compress: str | None = None
    compressed: CompressedNetwork | None = None
    """Its numbers, where photographs showed them; else a format rounds those of `folded`."""
    quantizers: Mapping[str, Quantizer] = field(default_factory=dict)
    """Of w8a8: of the inputs of layers, by the layer's name."""
    parts: "Mapping[str, Prepared]" = field(default_factory=dict)
    """Of a file with several functions, each by its name; the last is the default."""
    suffix: str = ""
    """What sets the file's name apart, besides the options of `spec`."""
    user_defined: Mapping[str, str] = field(default_factory=dict)
    """Further metadata of the package."""
    notes: tuple[str, ...] = ()
    """What whoever asked for it should know."""

    @property
    def functions(self) -> "Mapping[str, Prepared]":
        """Every function of the file by its name."""
        return self.parts or {MAIN: self}

    @property
    def written(self) -> Checkpoint:
        """The numbers of a checkpoint as they are written, but for their rounding."""
        network = self.folded if self.compressed is None else self.compressed.folded
        assert network is not None, "a traced module is not built"
        return network

    @property
    def name(self) -> str:
        """A name without dots, so that Xcode's Swift class bears it unchanged."""
        if isinstance(self.network, Checkpoint):
            stem = self.network.config.slug
        else:
            stem = f"{self.network.name}_{self.network.size.slug}"
        mark = self.metadata.provenance.mark
        return stem + self.spec.suffix + self.suffix + (f"_{mark}" if mark else "")

    @property
    def is_exact(self) -> bool:
        """Whether every weight is stored as float32."""
        return self.precision == "fp32" and self.compress is None

    @property
    def has_independent_classes(self) -> bool:
        """Whether each probability stands alone: by sigmoid."""
        network = self.network
        return isinstance(network, Checkpoint) and network.config.readout.scores == "sigmoid"

    @property
    def labels(self) -> tuple[str, ...]:
        """What the file names: the classes of a classifier, or of independent probabilities."""
        config = self.metadata.config
        readout = None if config is None else config.readout
        return self.network.labels if names_classes(self.spec, readout) else ()

    @property
    def unused_classes(self) -> int:
        """That the file of a detector names beside its own."""
        config = self.metadata.config
        if config is None or config.readout.detection is None:
            return 0
        return columns_of(self.spec, config.classes) - config.classes

    @property
    def picture(self) -> Size | None:
        """Of a segmenter: the size of what it gives."""
        network = self.network
        return network.config.readout.picture if isinstance(network, Checkpoint) else None

    def twin(self) -> "Prepared":
        """The same in float32, uncompressed: what shows that the graph is right."""
        return replace(
            self, precision="fp32", compress=None, compressed=None, quantizers={}, parts={}
        )


def prepare_checkpoint(
    checkpoint: Checkpoint, spec: ExportSpec, notes: tuple[str, ...] = ()
) -> Prepared:
    """Fold `checkpoint`, and write down what its package will say.

    Several resolutions share the weights.
    """
    checkpoint = vouched_for(checkpoint)
    spec = for_head(spec.resolved(), checkpoint.config.readout)
    check_sizes(checkpoint.config, spec)
    folded = fold.fold(checkpoint)
    fit = fold.fold_input_scaling(folded) if spec.input == "image" else folded

    def at(size: Sides) -> Prepared:
        return replace(_unfolded(checkpoint.at(size), spec), folded=fit.at(size))

    if not spec.sizes:
        return replace(at(checkpoint.config.size), notes=notes)
    parts = {function_name(size): at(size) for size in spec.sizes}
    return replace(parts[function_name(spec.sizes[-1])], parts=parts, notes=notes)


def check_sizes(config: NetworkConfig, spec: ExportSpec) -> None:
    """Raise `ConfigError` for several resolutions, which are squares, of another network."""
    if spec.sizes and not config.size.is_square:
        raise ConfigError(
            f"resolutions {spec.resolutions} for a network of {config.size} pixels: they are "
            "sides of squares",
            "leave --resolutions out, or export a package for each with --resolution",
        )


def function_name(resolution: int) -> str:
    """What the function for a resolution is called in a package with several."""
    return f"r{resolution}"


def prepare_module(
    sizes: Sequence[TracedModule], spec: ExportSpec, user_defined: Mapping[str, str]
) -> Prepared:
    """Write down what the package of a module of another kind will say.

    `sizes` are the module at each resolution of `spec`, in ascending order; or as it is, alone.
    """
    spec = replace(spec.resolved(), outputs=spec.outputs or "classifier")
    parts = {function_name(each.size.height): _unfolded(each, spec) for each in sizes}
    prepared = replace(_unfolded(sizes[-1], spec), user_defined=user_defined)
    return replace(prepared, parts=parts) if spec.sizes else prepared


def _unfolded(network: Checkpoint | TracedModule, spec: ExportSpec) -> Prepared:
    assert spec.precision is not None, "resolved"
    metadata = metadata_about(network, spec)
    return Prepared(network, spec, metadata, precision=spec.precision, compress=spec.compress)


def metadata_about(network: Checkpoint | TracedModule, spec: ExportSpec) -> PackageMetadata:
    """What the package of `network` says about itself."""
    assert spec.precision is not None, "resolved"
    assert spec.min_ios is not None, "resolved"
    assert spec.format is not None, "resolved"
    config: NetworkConfig | None = None
    module: ModuleMetadata | msgspec.UnsetType = msgspec.UNSET
    cost: Cost | TracedModule
    if isinstance(network, Checkpoint):
        config = network.config
        cost = config.cost()
    else:
        module, cost = _module_metadata(network), network
    return PackageMetadata(
        schema=SCHEMA,
        tool=__version__,
        config=config,
        normalization=network.normalization,
        geometry=network.geometry,
        provenance=network.provenance,
        format=spec.format,
        precision=spec.precision,
        target=spec.target,
        compute_units=spec.rule.compute_units,
        min_ios=spec.min_ios,
        compression=spec.compress or "",
        macs=cost.macs,
        parameters=cost.parameters,
        resolutions=spec.sizes,
        module=module,
        labels_from=_labels_from(network, spec),
    )


def _module_metadata(traced: TracedModule) -> ModuleMetadata:
    size = traced.size
    width = msgspec.UNSET if size.is_square else size.width
    return ModuleMetadata(traced.name, size.height, traced.outputs, width)


def _labels_from(network: Checkpoint | TracedModule, spec: ExportSpec) -> str | msgspec.UnsetType:
    """Where the file names classes and the weights do not."""
    if not isinstance(network, Checkpoint) or not network.labels_from:
        return msgspec.UNSET
    named = names_classes(spec, network.config.readout)
    return network.labels_from if named else msgspec.UNSET
