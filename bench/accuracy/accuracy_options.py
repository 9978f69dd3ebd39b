"""What `bench accuracy` may be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mobilenet.common.errors import ConfigError
from mobilenet.common.options import SEVERAL, OutputFile
from mobilenet.overrides import Overrides

MAX_JOBS = 256


@Parameter(name="*")
@dataclass(frozen=True)
class AccuracyOptions:
    """On what, how, and against what."""

    labels: Path | None = None
    """Text or CSV file with a file name and a class a line. Default: val.txt in the folder."""
    images: Path | None = None
    """Folder of the pictures that COCO's instances name. Default: the folder of the JSON file."""
    recipe: Annotated[tuple[str, ...] | None, SEVERAL] = None
    """package, torchvision, timm, slim, keras, squash, center-square, fit, deeplab. [package]"""
    against: str | None = None
    """Weights as `python -m export` takes them: that network in PyTorch is the reference."""
    overrides: Overrides | None = None
    """How the weights of --against were trained, where their file does not say it itself."""
    runtime: str | None = None
    """coreml, coreai, portable, torch, torch-mps. Default: what runs the format here."""
    unit: Annotated[tuple[str, ...] | None, SEVERAL] = None
    """Compute units; several are allowed. Default: the runtime's last, ALL for coreml."""
    precision: Literal["float32", "declared"] | None = None
    """Of portable: declared rounds every float16 result. Default: float32 on stored weights."""
    limit: int | None = None
    """At most so many photographs, spread evenly over the set."""
    jobs: int | None = None
    """Decoding processes, and threads that ask. Default: the number of cores."""
    offline: bool = False
    """Take --against from the cache; reach for nothing."""
    output: OutputFile | None = None
    """New .jsonl file. Default: results/accuracy- and a name made from what is compared."""
    json: bool = False
    """Print the records as JSON."""

    def __post_init__(self) -> None:
        if self.jobs is not None and not 1 <= self.jobs <= MAX_JOBS:
            raise ConfigError(f"jobs is {self.jobs}", f"1 to {MAX_JOBS}")
