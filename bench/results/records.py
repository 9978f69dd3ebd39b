"""What a benchmark writes: JSON Lines, one object a line, raw integers of ns.

Kinds of line, told apart by `kind`: one `session`, a `case` for each thing to be measured (also
for one that could not be, with the reason), and a `launch` for each fresh process; `soak`,
`placement`, `accuracy` and `agreement` are the results of those commands. A launch is appended
and flushed as soon as it ends. Summaries are functions of these.
`pandas.read_json(path, lines=True)` reads the file.

History of the format
    1   first form
    2   thermal states are objects, `{"pressure": "nominal"}` or `{"celsius": 57.0}`, or null;
        they were words, "nominal" or "57 C", or empty. Older lines are upgraded when read.
"""

from typing import Literal

import msgspec

from bench.results.layer_errors import LayerErrors
from bench.results.thermal_state import Thermal

SCHEMA = 2

Status = Literal["ok", "failed", "crashed", "timeout", "refused", "interrupted"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Fixed before the first launch: no stopping when the numbers look good."""

    rounds: int
    warmup_s: float
    warmup_calls: int
    samples: int
    timeout_s: float
    seed: int
    memory_limit_bytes: int | None = None  # a launch that takes more is stopped


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The machine and software of a session. Two sessions compare only if the machine is one."""

    system: str  # "Linux 6.1" or "macOS 15.1"
    machine: str  # "x86_64", "arm64"
    model: str = ""  # "MacBookPro18,3"; empty where the system does not say
    processor: str
    physical_cores: int
    logical_cores: int
    memory_bytes: int
    virtual: str = ""  # hypervisor, when one is seen
    python: str
    packages: dict[str, str]  # name to version, of what computes
    power_source: str = "unknown"
    low_power_mode: bool | None = None
    governor: str = ""
    turbo: bool | None = None
    load_average: float = 0.0  # one minute, when the session began


class SessionHead(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session"):
    """The first line of a session: plan, machine and software. Two sessions may share a file."""

    schema: int = SCHEMA
    session: str  # random identity
    tool: str  # version of this project
    started: str  # UTC, ISO 8601
    plan: Plan
    environment: Environment
    notes: tuple[str, ...] = ()


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about what is measured; None or empty where a foreign package does not say."""

    name: str
    identity: str  # sha256 of the package's contents
    size_bytes: int
    format: str = "mlprogram"
    precision: str = ""
    compression: str = ""
    target: str = ""
    alpha: float | None = None
    resolution: int | None = None
    shallow: bool | None = None
    trained: bool | None = None
    weights: str = ""  # provenance in words
    macs: int | None = None
    parameters: int | None = None
    agreement: float | None = None  # relative L2 of logits against PyTorch, as verified at export


class Case(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="case"):
    """One package on one runtime and compute unit. `skipped` tells why it will not run."""

    case: str  # unique in the session: "MobileNetV1_100_224 | portable | CPU"
    model: Model
    runtime: str
    unit: str
    options: dict[str, str] = {}
    package: str = ""  # path, for resuming; relative where it is below the working folder
    compile_ns: int | None = None
    first_load_ns: int | None = None  # of a fresh process, straight after compiling: "cold"
    control_of: str = ""  # the case of which this is the A/A twin
    skipped: str = ""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that something was computed: a fast wrong answer is no number."""

    top1: str
    digest: str  # sha256 of the outputs, rounded to 3 significant digits
    finite: bool
    difference: float | None = None  # relative L2 from the package's reference outputs


class Launch(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="launch"):
    """One fresh process, one case."""

    case: str
    round: int
    position: int  # in its round's shuffled order
    started: str
    status: Status
    reason: str = ""
    start_ns: int | None = None  # process start to the runtime's load
    load_ns: int | None = None
    first_call_ns: int | None = None
    warmup_ns: tuple[int, ...] = ()
    samples_ns: tuple[int, ...] = ()
    calls_per_sample: int = 1
    native_ns: tuple[int, ...] = ()  # Core ML's own predict duration, beside the wall time
    loop_overhead_ns: int | None = None  # of an empty call; recorded, not subtracted
    peak_memory_bytes: int | None = None
    memory_growth_bytes: int | None = None  # of that peak, from the end of the warm-up
    output: Output | None = None
    load_average: float | None = None
    thermal_before: Thermal | None = None
    thermal_after: Thermal | None = None


class SoakWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of uninterrupted calls."""

    begin_ns: int  # since the first window began
    took_ns: int
    calls: int
    thermal: Thermal | None = None  # at its end

    @property
    def calls_per_second(self) -> float:
        """Throughput; the window must have taken some time."""
        return self.calls / self.took_ns * 1e9


class Soak(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="soak"):
    """One case under load without a pause, in one process."""

    case: str
    started: str
    status: Status
    reason: str = ""
    windows: tuple[SoakWindow, ...] = ()
    power_source: str = "unknown"
    thermal_before: Thermal | None = None
    thermal_after: Thermal | None = None


class PlacedOp(msgspec.Struct, frozen=True, kw_only=True):
    """Where Core ML says it will run one operation. Devices: "CPU", "GPU", "ANE"."""

    function: str
    name: str
    type: str  # with its opset: "ios16.conv"
    preferred: str
    supported: tuple[str, ...]
    cost: float | None = None  # estimated share of the whole, 0 to 1


class Placement(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="placement"):
    """Core ML's compute plan of one package, asked for one compute unit. Nothing is measured."""

    case: str
    started: str
    ops: tuple[PlacedOp, ...]  # in program order; constants have no place


class Photographs(msgspec.Struct, frozen=True, kw_only=True):
    """A set of photographs with known classes."""

    name: str  # of its folder
    digest: str  # sha256 of names, classes and sizes: equal for the same set
    images: int
    classes: int


class Accuracy(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="accuracy"):
    """How often one model, fed by one recipe, was right on one set of photographs."""

    name: str  # unique in its file: "MobileNetV1_100_224 | portable | CPU | package"
    model: Model
    runtime: str
    unit: str
    precision: str = ""  # "declared": float16 emulated per op; "" where the runtime decides
    recipe: str  # from photograph to input: "package", "torchvision", ...
    geometry: str  # the same in words and pixels
    photographs: Photographs
    started: str
    tool: str
    images: int  # that could be opened, and were answered
    broken: tuple[str, ...] = ()  # "name: reason" of those that could not
    top1: int  # of `images`, right at the first place
    top5: int  # of `images`, right among the first five
    top1_interval: tuple[float, float]  # 95 %, Wilson, as shares of 1
    top5_interval: tuple[float, float]
    not_finite: int = 0  # answers with NaN or infinity; they count as wrong
    published_top1: float | None = None  # percent, of the original float checkpoint
    published_top5: float | None = None


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A photograph on which two models name different classes."""

    image: str
    truth: str
    answers: tuple[str, str]  # of the reference, of the other
    probabilities: tuple[float, float]  # that each gives its answer
    thumbnail: str = ""  # data URI of a small JPEG


class Agreement(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="agreement"):
    """Two of the file's `Accuracy` records, photograph by photograph."""

    reference: str
    other: str
    images: int
    same_top1: int
    only_reference_right: int
    only_other_right: int
    p_worse: float  # exact one-sided McNemar test: is the other one worse?
    error_of: Literal["logits", "log-probabilities"]
    error_p50: float | None = None  # of the largest difference per photograph, natural log
    error_p90: float | None = None
    error_p99: float | None = None
    error_max: float | None = None
    # at most some tens, the weightiest first; schema 1 has their name in files
    disagreements: tuple[Disagreement, ...] = msgspec.field(default=(), name="partings")


Record = SessionHead | Case | Launch | Soak | Placement | Accuracy | Agreement | LayerErrors
