"""What compression learns from photographs, and what it is to reach: options of an export.

Stands behind `--help`: no numpy, no torch, no coremltools.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from export.spec import ExportSpec
from export.targets import GROUPS_MIN_IOS, MIXED
from mobilenet.common.errors import ConfigError
from mobilenet.common.options import Handed
from mobilenet.common.progress import SILENT

PHOTOGRAPHS = "a folder of some hundred photographs of what the app will see, without labels"
BYTES = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(B|[kK]B|MB|KiB|MiB)")
UNITS = {"B": 1, "kB": 1000, "KB": 1000, "MB": 10**6, "KiB": 1 << 10, "MiB": 1 << 20}
GROUPED = ("palette4", "palette2", *MIXED)  # which tables for groups of channels make usable


def _byte_count(_type: object, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    match = BYTES.fullmatch(text)
    if match is None:
        raise ConfigError(f"size is {text!r}", "a number and its unit, as in 2.5MB or 900kB")
    return round(float(match[1]) * UNITS[match[2]])


ByteCount = Annotated[int, Parameter(converter=_byte_count, accepts_keys=False, n_tokens=1)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """Photographs that compression learns from, and what it is to reach.

    Raises `ConfigError` for options that contradict each other.
    """

    calibrate: Path | None = None
    """A folder of some hundred photographs, without labels: --compress learns from them."""
    finetune: float | None = None
    """Minutes of training on them afterwards: so many steps as two cores do in that time."""
    size: ByteCount | None = None
    """2.5MB: the largest that the package may be; each layer gets bits accordingly."""
    loss: float | None = None
    """0.05: the largest relative L2 of logits on photographs held back; as --size in reverse."""
    progress: Handed = SILENT

    def __post_init__(self) -> None:
        for name in ("finetune", "size", "loss"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name} is {value:g}", "a number above 0")
            if value is not None and self.calibrate is None:
                raise ConfigError(f"{name} without calibrate", f"add --calibrate, {PHOTOGRAPHS}")
        if self.size is not None and self.loss is not None:
            raise ConfigError("size and loss", "give one of the two: each decides the other")

    @property
    def aim(self) -> str:
        """What decides the bits of each layer, in words; empty where the form does."""
        if self.size is not None:
            return f"size {self.size / 1e6:g}MB"
        return "" if self.loss is None else f"loss {self.loss:g}"

    def suffix(self, spec: ExportSpec) -> str:
        """What sets the file's name apart from that without photographs: `_2500kB_trained10`."""
        if self.calibrate is None or spec.compress == "w8a8":
            return ""
        parts = []
        if self.size is not None:
            kilobytes, rest = divmod(self.size, 1000)
            parts.append(f"{self.size}B" if rest else f"{kilobytes}kB")
        if self.loss is not None:
            parts.append(f"loss{self.loss:g}")
        if self.finetune is not None:
            parts.append(f"trained{self.finetune:g}")
        return (
            "".join(f"_{part}" for part in parts or ["learned"]).replace(".", "").replace("-", "")
        )

    def applied_to(self, spec: ExportSpec) -> ExportSpec:
        """`spec` with the form that photographs bring. Raises `ConfigError` where they do not fit.

        What keeps most in groups of channels gets iOS 18, which has them, unless `min_ios` is
        older.
        """
        from mobilenet.common.images import pictures_in

        compress = spec.compress
        if self.calibrate is None:
            self._check_forms_without(compress)
            return spec
        if self.aim and compress is None:
            compress = next(iter(MIXED))
        if self.aim and compress not in MIXED:
            raise ConfigError(
                f"{self.aim} with compress {compress}, which decides the form of every layer",
                f"leave --compress out, or choose of {', '.join(MIXED)}",
            )
        if compress is None:
            raise ConfigError(
                f"calibrate {self.calibrate} without compress", "add --compress int4, or --size"
            )
        if compress in MIXED and not self.aim:
            raise ConfigError(f"compress {compress} without its aim", "add --size or --loss")
        if compress == "w8a8" and self.finetune is not None:
            raise ConfigError(
                "finetune with compress w8a8, whose eight bits keep enough", "leave it out"
            )
        pictures_in(self.calibrate)
        is_grouped = compress in GROUPED and spec.format in (None, "mlprogram")
        newest = GROUPS_MIN_IOS if is_grouped else None
        return replace(spec, compress=compress, min_ios=spec.min_ios or newest)

    @staticmethod
    def _check_forms_without(compress: str | None) -> None:
        if compress == "w8a8" or compress in MIXED:
            raise ConfigError(
                f"compress {compress} without calibration pictures",
                f"add --calibrate, {PHOTOGRAPHS}",
            )


NO_CALIBRATION = CalibrationOptions()
