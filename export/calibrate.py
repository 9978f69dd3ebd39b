"""What photographs show, between a network that is ready and the file that is written of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from export.calibration_options import CalibrationOptions
from export.compression import weights
from export.compression.calibration import Calibration, read_calibration
from export.compression.compressed_network import CompressedNetwork
from export.compression.form_choice import Choice, Frontier, best_within, smallest_reaching
from export.compression.forms import LayerForm, forms_for, mixed_forms
from export.compression.held_back import HeldBackJudge, HeldBackResult
from export.compression.quantizer import Quantizer
from export.compression.stand_in_kernels import stand_in
from export.package.calibration_record import CalibrationRecord
from export.prepared import Prepared
from export.targets import MIXED
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError

W8A8 = "w8a8"
USABLE = 0.8  # of photographs with the same top-1
NAMED = 8  # photographs in a note
LONGEST = 0.1234e-4  # a loss with as many digits as any has
T = TypeVar("T")
Forms = Mapping[str, LayerForm]


@dataclass(frozen=True, eq=False)
class Calibrating:
    """A network that learns from photographs before it is written."""

    prepared: Prepared
    options: CalibrationOptions
    photographs: Calibration

    @classmethod
    def of(cls, prepared: Prepared, options: CalibrationOptions) -> "Calibrating":
        """With the photographs read. Raises `ConfigError` where there are too few."""
        network, folder = prepared.network, options.calibrate
        if not isinstance(network, Checkpoint):
            raise ConfigError(
                f"calibrate {folder} for a traced module, whose layers have no names of ours",
                "leave --calibrate out: it is compressed without photographs",
            )
        assert folder is not None, "asked for"
        photographs = read_calibration(folder, network, progress=options.progress)
        notes = [*_unread(folder, photographs), *_unused(folder, photographs.skipped)]
        prepared = replace(prepared, notes=(*prepared.notes, *notes))
        return cls(prepared, options, photographs)

    @property
    def digest(self) -> str:
        """Of all that decides what is learned, besides the network and its form."""
        aims = (self.options.finetune, self.options.size, self.options.loss)
        return sha256(f"{self.photographs.digest} {aims}".encode()).hexdigest()

    def finished(self, size_of: Callable[[Prepared], int], state: Path) -> Prepared:
        """With what was learned, and what there is to say of it.

        `size_of` gives the bytes of a file. What was trained is kept in `state`, for the same
        export to go on from: it is to be removed once the package stands.
        """
        options = self.options
        network = start = self._learned_in_forms(size_of)
        if options.finetune is not None:
            from export.compression.learning.finetuning import finetuned

            network = finetuned(
                network, self.folded, self.photographs, options.finetune,
                progress=options.progress, state=state,
            )  # fmt: skip
        judgement = self._judge.judge(network.folded, self._quantizers)
        notes = (*self.prepared.notes, *self._doubts(judgement))
        return replace(self._with(network, judgement, network is not start), notes=notes)

    @cached_property
    def folded(self) -> Checkpoint:
        """The network that is compressed, fed as its photographs are."""
        return fold.fold(self._network)

    def _doubts(self, judgement: HeldBackResult) -> list[str]:
        """A note where too little is left of a network."""
        share = (judgement.agreed or 0) / len(self.photographs.held_back)
        if judgement.agreed is None or share >= USABLE:
            return []
        more = "more bits or --finetune" if self.options.finetune is None else "more bits"
        return [
            f"only {share:.0%} of the photographs held back get the same top-1 as uncompressed: "
            f"{more} would keep more"
        ]

    @property
    def _network(self) -> Checkpoint:
        assert isinstance(self.prepared.network, Checkpoint), "as is checked at first"
        return self.prepared.network

    @property
    def _fit(self) -> Checkpoint:
        """The same, fed as its file is."""
        assert self.prepared.folded is not None, "of a checkpoint"
        return self.prepared.folded

    @cached_property
    def _quantizers(self) -> Mapping[str, Quantizer]:
        """Of the inputs of layers, which w8a8 rounds, as the file has them."""
        if self.prepared.compress != W8A8:
            return {}
        from export.compression.ranges import least_error_quantizers

        ranges = least_error_quantizers(self.folded, self.photographs)
        return {name: quantizer.rounded(self._dtype) for name, quantizer in ranges.items()}

    @cached_property
    def _judge(self) -> HeldBackJudge:
        return HeldBackJudge(self._network, self.photographs)

    @property
    def _dtype(self) -> type[np.floating]:
        return np.float16 if self.prepared.precision == "fp16" else np.float32

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the kernels that are compressed: (out, in / groups, kH, kW)."""
        names = weights.compressed_layers(self.folded, self.prepared.spec)
        shapes = {name: self.folded.layers[name].kernel.shape for name in names}
        return {name: (*shape, 1, 1)[:4] for name, shape in shapes.items()}

    def _learned_in_forms(self, size_of: Callable[[Prepared], int]) -> CompressedNetwork:
        spec, compress = self.prepared.spec, str(self.prepared.compress)
        assert spec.min_ios is not None, "resolved"
        if compress not in MIXED:
            method = "int8" if compress == W8A8 else compress
            return self._learned(forms_for(method, self._shapes, spec.min_ios))
        frontier = self._frontier(compress, spec.min_ios)
        if self.options.size is not None:
            choice = best_within(
                frontier, self.options.size, lambda choice: size_of(self._trial(choice))
            )
            return self._learned(_forms(choice))
        networks: dict[str, CompressedNetwork] = {}

        def loss_of(choice: Choice) -> float:
            networks[str(_forms(choice))] = network = self._learned(_forms(choice))
            return self._judge.judge(network.folded).loss

        assert self.options.loss is not None, "an aim"
        return networks[str(_forms(smallest_reaching(frontier, self.options.loss, loss_of)))]

    def _frontier(self, compress: str, min_ios: int) -> Frontier:
        from export.compression.layer_sensitivity import layer_candidates

        forms = {
            name: mixed_forms(compress, shape, min_ios) for name, shape in self._shapes.items()
        }
        return Frontier(
            layer_candidates(
                self.folded, forms, self.photographs,
                dtype=self._dtype, progress=self.options.progress,
            )
        )  # fmt: skip

    def _learned(self, forms: Forms) -> CompressedNetwork:
        from export.compression.learning.learned_network import learned

        return learned(
            self.folded, forms, self.photographs,
            dtype=self._dtype, quantizers=self._quantizers, progress=self.options.progress,
        )  # fmt: skip

    def _trial(self, choice: Choice) -> Prepared:
        """As large as what will be learned."""
        stand_ins = {
            name: stand_in(self._shapes[name], candidate.form, self._dtype)
            for name, candidate in choice.items()
        }
        network = CompressedNetwork.of(self.folded, stand_ins)
        judgement = HeldBackResult(LONGEST, len(self.photographs.held_back))
        return self._with(network, judgement, gained=False)

    def _with(
        self, network: CompressedNetwork, judgement: HeldBackResult, gained: bool
    ) -> Prepared:
        """Every function of the file, and its metadata; `gained`: by finetuning."""
        if self.prepared.spec.input == "image":
            network = replace(network, folded=fold.fold_input_scaling(network.folded))
        record = self._record(network, judgement, gained)

        def finished(part: Prepared) -> Prepared:
            assert isinstance(part.network, Checkpoint), "as its whole is"
            return replace(
                part,
                compressed=network.at(part.network.config.size),
                quantizers=self._quantizers,
                metadata=replace(part.metadata, calibration=record),
                parts={name: finished(each) for name, each in part.parts.items()},
            )

        return finished(self.prepared)

    def _record(
        self, network: CompressedNetwork, judgement: HeldBackResult, gained: bool
    ) -> CalibrationRecord:
        options, photographs = self.options, self.photographs
        return CalibrationRecord(
            len(photographs.learned_from), len(photographs.held_back), self.digest,
            {name: str(form) for name, form in network.forms.items()}, judgement.loss,
            _or_unset(judgement.agreed), _or_unset(options.finetune),
            msgspec.UNSET if options.finetune is None else gained,
            _or_unset(options.size), _or_unset(options.loss),
            network.numbers(self._fit, self._quantizers, self._dtype),
        )  # fmt: skip


def _unread(folder: Path, photographs: Calibration) -> list[str]:
    """A note where there are more than are read."""
    used = len(photographs.learned_from) + len(photographs.held_back)
    read = used + len(photographs.skipped)
    note = (
        f"only {read} of the {read + photographs.unread} photographs in {folder} are read, "
        "spread evenly over their names"
    )
    return [note] if photographs.unread else []


def _unused(folder: Path, skipped: Sequence[str]) -> list[str]:
    """A note that names them, or the first of many."""
    more = f"; and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
    note = f"not used of {folder} ({len(skipped)}): {'; '.join(skipped[:NAMED])}{more}"
    return [note] if skipped else []


def _or_unset(value: T | None) -> T | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


def _forms(choice: Choice) -> Forms:
    return {name: candidate.form for name, candidate in choice.items()}
