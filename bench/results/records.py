"""What a benchmark writes: JSON Lines, one object a line, raw integers of ns.

Kinds of line, told apart by `kind`: one `session`, a `case` for each thing to be measured (also
for one that could not be, with the reason), and a `launch` for each fresh process; `soak`,
`placement`, `accuracy`, `agreement`, `metrics` and `metric_comparison` are the results of those
commands. A launch is appended
and flushed as soon as it ends. Summaries are functions of these.
`pandas.read_json(path, lines=True)` reads the file.

History of the format
    1   first form
    2   thermal states are objects, `{"pressure": "nominal"}` or `{"celsius": 57.0}`, or null;
        they were words, "nominal" or "57 C", or empty. Older lines are upgraded when read.
        Lines written before these were recorded have no CPU times and no context switches.
    3   a session says its isolation, a launch its pace. Older sessions launched a process each;
        their cases' options have the pace.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bench.results.bounds import (
    MAX_ROUNDS,
    MAX_SAMPLES,
    Bytes,
    Count,
    Nanoseconds,
    Number,
    OptionValue,
    Round,
    Seconds,
    Seed,
    Share,
    Times,
)
from bench.results.disagreements import Agreement
from bench.results.environment_record import Environment
from bench.results.layer_errors import LayerErrors
from bench.results.metrics import ClassMetric, Metric, MetricComparison, Task
from bench.results.model_card import ModelCard
from bench.results.placed_ops import Placement
from bench.results.soak_window import SoakWindow
from bench.results.thermal_state import Thermal

SCHEMA = 3

Status = Literal["ok", "failed", "crashed", "timeout", "refused", "interrupted"]
Isolation = Literal["process", "shared"]  # a process for each launch, or one for all


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Fixed before the first launch: no stopping when the numbers look good."""

    rounds: Annotated[int, Meta(ge=1, le=MAX_ROUNDS)]
    warmup_s: Seconds
    warmup_calls: Annotated[int, Meta(ge=0, le=MAX_SAMPLES)]
    samples: Annotated[int, Meta(ge=0, le=MAX_SAMPLES)]
    timeout_s: Seconds
    seed: Seed
    memory_limit_bytes: Bytes | None = None  # a launch that takes more is stopped
    to_find: Number | None = None  # the ratio of times for which a pilot planned the rounds
    pilot_spread: Number | None = None  # standard deviation of a round's log ratio in it, widest


class SessionHead(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session"):
    """The first line of a session: plan, machine and software. Two sessions may share a file."""

    schema: Count = SCHEMA
    session: str  # random identity
    tool: str  # version of this project
    started: str  # UTC, ISO 8601
    plan: Plan
    environment: Environment
    isolation: Isolation = "process"
    notes: tuple[str, ...] = ()


class Model(ModelCard, frozen=True, kw_only=True):
    """Facts about what is measured; None or empty where a foreign package does not say."""

    name: str
    identity: str  # sha256 of the package's contents
    size_bytes: Bytes
    format: str = "mlprogram"
    precision: str = ""
    compression: str = ""
    network: str = ""  # "v1", "v2"; older lines with an alpha are of v1
    alpha: Number | None = None
    resolution: Count | None = None  # height of the input, and its width unless that is given
    input_width: Count | msgspec.UnsetType = msgspec.UNSET
    shallow: bool | None = None
    trained: bool | None = None
    macs: Count | None = None
    parameters: Count | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="case"):
    """One package on one runtime and compute unit. `skipped` tells why it will not run."""

    case: str  # unique in the session: "MobileNetV1_100_224 | portable | CPU"
    model: Model
    runtime: str
    unit: str
    options: dict[str, OptionValue] = {}
    package: str = ""  # path, for resuming; relative where it is below the working folder
    compile_ns: Nanoseconds | None = None
    first_load_ns: Nanoseconds | None = None  # of a fresh process, just compiled: "cold"
    control_of: str = ""  # the case of which this is the A/A twin
    skipped: str = ""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that something was computed: a fast wrong answer is no number."""

    top1: str
    digest: str  # sha256 of the outputs, rounded to 3 significant digits
    finite: bool
    difference: Number | None = None  # relative L2 from the package's reference outputs


class Launch(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="launch"):
    """One case once: a fresh process, but in a session of isolation "shared"."""

    case: str
    round: Round
    position: Count  # in its round's shuffled order
    started: str
    status: Status
    reason: str = ""
    start_ns: Nanoseconds | None = None  # process start to the runtime's load
    load_ns: Nanoseconds | None = None
    first_call_ns: Nanoseconds | None = None
    warmup_ns: Times = ()
    samples_ns: Times = ()
    calls_per_sample: Count = 1
    pace_hz: Number = 0.0  # calls a second, as a camera gives frames; 0: one after the other
    cpu_ns: Times = ()  # of each sample, all threads of the process together
    voluntary_switches: Count | None = None  # of context, while the samples were taken
    involuntary_switches: Count | None = None  # the processor was given to others meanwhile
    native_ns: Times = ()  # Core ML's own predict duration, beside the wall time
    loop_overhead_ns: Nanoseconds | None = None  # of an empty call; recorded, not subtracted
    peak_memory_bytes: Bytes | None = None
    memory_growth_bytes: Bytes | None = None  # of that peak, from the end of the warm-up
    output: Output | None = None
    load_average: Number | None = None
    thermal_before: Thermal | None = None
    thermal_after: Thermal | None = None


class Pilot(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="pilot"):
    """A launch ahead of the session, by which its rounds were planned; no part of its results."""

    launch: Launch


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


class Photographs(msgspec.Struct, frozen=True, kw_only=True):
    """A set of photographs with known classes."""

    name: str  # of its folder
    digest: str  # sha256 of names, classes and sizes: equal for the same set
    images: Count
    classes: Count


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
    images: Count  # that could be opened, and were answered
    broken: tuple[str, ...] = ()  # "name: reason" of those that could not
    top1: Count  # of `images`, right at the first place
    top5: Count  # of `images`, right among the first five
    # right at the first place, were each class number one lower or higher; 0 of named classes
    top1_if_lower: Count = 0
    top1_if_higher: Count = 0
    top1_interval: tuple[Share, Share]  # 95 %, Wilson, as shares of 1
    top5_interval: tuple[Share, Share]
    not_finite: Count = 0  # answers with NaN or infinity; they count as wrong
    published_top1: Number | None = None  # percent, of the original float checkpoint
    published_top5: Number | None = None


class Metrics(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="metrics"):
    """How well one detector or segmenter, fed by one recipe, did on one set of pictures."""

    name: str  # unique in its file, as of `Accuracy`; so are the next fields
    model: Model
    runtime: str
    unit: str
    precision: str = ""
    recipe: str
    geometry: str
    photographs: Photographs
    started: str
    tool: str
    images: Count
    broken: tuple[str, ...] = ()
    task: Task
    metrics: tuple[Metric, ...]  # mAP, AP50, ... or mIOU, ...; models are compared by the first
    classes: tuple[ClassMetric, ...]  # AP or IoU of each
    method: str  # of the intervals
    not_finite: Count = 0  # boxes with NaN or infinity; they are left out


Record = (
    SessionHead | Case | Launch | Pilot | Soak | Placement | Accuracy | Agreement | LayerErrors
    | Metrics | MetricComparison
)  # fmt: skip
