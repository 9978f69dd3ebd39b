"""Made-up results that look like real ones: slow drift, launch effects, spikes, faults. Seeded."""

import hashlib
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.results.disagreements import Agreement, Disagreement
from bench.results.environment_record import Environment
from bench.results.layer_errors import LayerError, LayerErrors
from bench.results.placed_ops import PlacedOp, Placement
from bench.results.records import (
    Accuracy,
    Case,
    Launch,
    Model,
    Output,
    Photographs,
    Plan,
    Record,
    SessionHead,
    Soak,
)
from bench.results.soak_window import SoakWindow
from mobilenet.networks import families
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.weights.releases import BY_NAME

LAUNCH_EFFECT, DRIFT, SPIKES, NOISE = 0.02, 0.03, 0.05, 0.03


def environment(**changes: object) -> Environment:
    made = Environment(
        system="Linux 6.1", machine="x86_64", processor="Made-up CPU 3000", physical_cores=2,
        logical_cores=4, memory_bytes=8 << 30, python="3.11.9",
        packages={"onnxruntime": "1.32.0", "numpy": "2.3.5"}, governor="performance",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def session(rounds: int = 15, samples: int = 50, **changes: object) -> SessionHead:
    made = SessionHead(
        session="0f1e2d", tool="0.1.0", started="2026-01-02T03:04:05Z", environment=environment(),
        plan=Plan(
            rounds=rounds, warmup_s=0.5, warmup_calls=10, samples=samples, timeout_s=60, seed=1
        ),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def model(config: BaseConfig, **changes: object) -> Model:
    """As the authors published it, where they did."""
    cost, network = config.cost(), families.name_of(config) or ""
    name = f"slim_{'' if network == 'v1' else network + '_'}{config.alpha}_{config.resolution}"
    release = None if config.shallow else BY_NAME.get(name)
    made = Model(
        name=config.slug, identity=hashlib.sha256(config.slug.encode()).hexdigest(),
        size_bytes=2 * cost.parameters + 40_000, precision="float16", target="iOS16",
        network=network, alpha=config.alpha,
        resolution=config.resolution, shallow=config.shallow, trained=True,
        input_width=config.input_width or msgspec.UNSET,
        weights=release.source if release else "made", macs=cost.macs, parameters=cost.parameters,
        agreement=2.1e-3, head="classifier", classes=1000, release=name if release else "",
        published_top1=release.top1 if release else None,
        command=f"python -m export --alpha {config.alpha:g} --resolution {config.resolution}",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def case(of: Model, runtime: str = "portable", unit: str = "CPU", **changes: object) -> Case:
    made = Case(
        case=f"{of.name} | {runtime} | {unit}", model=of, runtime=runtime, unit=unit,
        compile_ns=310_000_000,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def launches(
    cases: Sequence[Case], latency_ms: dict[str, float], rounds: int, samples: int, seed: int
) -> Iterable[Launch]:
    """Every case once a round in shuffled order, with what disturbs real ones."""
    chance = random.Random(seed)
    phase = chance.uniform(0, 2 * math.pi)
    for number in range(rounds):
        slow = 1 + DRIFT * math.sin(phase + 2 * math.pi * number / rounds)
        order = list(cases)
        chance.shuffle(order)
        for position, one in enumerate(order):
            base_ns = latency_ms[one.case] * 1e6 * slow * math.exp(chance.gauss(0, LAUNCH_EFFECT))
            yield launch(one.case, number, base_ns, samples, chance, position)


def launch(
    name: str, number: int, base_ns: float, samples: int, chance: random.Random, position: int = 0
) -> Launch:
    def call() -> int:
        spike = chance.uniform(1.2, 2) if chance.random() < SPIKES else 1.0
        return round(base_ns * spike * math.exp(chance.gauss(0, NOISE)))

    return Launch(
        case=name, round=number, position=position, started="2026-01-02T03:04:06Z", status="ok",
        start_ns=180_000_000, load_ns=round(42e6 * chance.uniform(0.9, 1.1)),
        first_call_ns=round(1.7 * base_ns), warmup_ns=(round(1.2 * base_ns),) * 3,
        samples_ns=tuple(call() for _ in range(samples)), loop_overhead_ns=90,
        peak_memory_bytes=91_000_000, output=Output(top1="tabby", digest="ab12", finite=True),
    )  # fmt: skip


def realistic(rounds: int = 15, samples: int = 50, seed: int = 7) -> list[Record]:
    """A session on one machine: a grid, two runtimes, a control, and every kind of fault."""
    alphas = (1.0, 0.75, 0.5, 0.25)
    models = [model(MobileNetConfig(alpha=alpha)) for alpha in alphas]
    models += [model(MobileNetConfig(resolution=side)) for side in (192, 160, 128)]
    models.append(model(MobileNetConfig(shallow=True), trained=False, weights="untrained"))
    run = [case(one) for one in models]
    run += [case(models[0], "coreml", unit) for unit in ("CPU_ONLY", "CPU_AND_NE", "ALL")]
    speed = {"portable": 1e-8 * 1.9, "coreml": 1e-9 * 1.6}
    factor = {"CPU": 1, "CPU_ONLY": 4, "CPU_AND_NE": 1, "ALL": 1.05}
    latency_ms = {c.case: 0.4 + c.model.macs * speed[c.runtime] * factor[c.unit] for c in run}
    twin = case(models[0], case=f"{run[0].case} | A/A", control_of=run[0].case)
    latency_ms[twin.case] = latency_ms[run[0].case]
    skipped = case(
        models[0], "coreml", "CPU_AND_GPU", skipped="Core ML needs macOS, this is Linux"
    )
    crashing = case(models[1], "coreml", "ALL")
    head = session(rounds, samples, session=f"session {seed}")
    measured = list(launches([*run, twin], latency_ms, rounds, samples, seed))
    measured[5] = failed(measured[5].case, measured[5].round, "timeout", "no answer within 60 s")
    crashes = [failed(crashing.case, r, "crashed", "killed by SIGABRT") for r in range(rounds)]
    return [head, *run, twin, skipped, crashing, *measured, *crashes]


def failed(name: str, number: int, status: str, reason: str) -> Launch:
    return Launch(
        case=name, round=number, position=0, started="2026-01-02T03:04:06Z",
        status=status, reason=reason,
    )  # fmt: skip


def measured(name: str, number: int = 0, **changes: object) -> Launch:
    """A launch that ended well, by itself of three samples of 1 ms."""
    made = failed(name, number, "ok", "")
    return msgspec.structs.replace(made, **{"samples_ns": (1_000_000,) * 3, **changes})


def write(path: Path, records: Iterable[Record]) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    return path


def layer_records() -> list[Record | LayerErrors]:
    """A soak, a placement and a layer-by-layer comparison, to go with `realistic`."""
    convolutions = MobileNetConfig().rows()
    name = "MobileNetV1_100_224 | coreml | CPU_AND_NE"
    windows = tuple(
        SoakWindow(begin_ns=5 * i * 10**9, took_ns=5 * 10**9, calls=3000 - 10 * i)
        for i in range(24)
    )
    ops = tuple(
        PlacedOp(
            function="main", name=conv.name, type="ios16.conv", cost=conv.macs / 6e8,
            preferred="ANE" if i > 2 else "CPU", supported=("CPU", "ANE"),
        )
        for i, conv in enumerate(convolutions)
    )  # fmt: skip
    softmax = PlacedOp(
        function="main", name="softmax", type="ios16.softmax", cost=0.01, preferred="CPU",
        supported=("CPU",),
    )  # fmt: skip
    layers = tuple(
        LayerError(name=conv.name, relative_l2=1e-4 * (i + 1), max_absolute=0.01 * i)
        for i, conv in enumerate(convolutions)
    )
    return [
        Soak(case=name, started="2026-01-02T03:04:05Z", status="ok", windows=windows),
        Placement(case=name, started="2026-01-02T03:04:05Z", ops=(*ops, softmax)),
        LayerErrors(package="A.mlpackage", reference="PyTorch", layers=layers),
    ]


# one grey pixel: as a JPEG, and as what no page may contain
JPEG = (
    "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUG"
    "CQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAA"
    "AAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVN//2Q=="
)
SVG = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"


def photographs(label: str = "tabby") -> list[Accuracy | Agreement]:
    """Three models, one of them untrained, on one set; two pairs, of which one parts."""
    whole = model(MobileNetConfig())
    small = model(MobileNetConfig(), name=f"{whole.name}_palette2", compression="palette2")
    random_one = model(MobileNetConfig(shallow=True), trained=False)
    found = [accuracy(whole, 142), accuracy(small, 120, broken=("a.jpg: cut off",))]
    found.append(accuracy(random_one, 1, not_finite=3))
    names = [one.name for one in found]
    disagreements = tuple(
        Disagreement(
            image=f"n02123045/{number}.jpg", truth=label, answers=(label, "water ouzel"),
            probabilities=(0.93, 0.08), thumbnail=thumbnail,
        )
        for number, thumbnail in enumerate((JPEG, SVG, ""))
    )  # fmt: skip
    return [
        *found,
        agreement(names[0], names[1], disagreements=disagreements),
        agreement(names[0], names[2], p_worse=1e-30, error_p50=None, error_p90=None,
                  error_p99=None, error_max=None),
    ]  # fmt: skip


def accuracy(of: Model, top1: int, **changes: object) -> Accuracy:
    made = Accuracy(
        name=f"{of.name} | portable | CPU | float32 | package", model=of, runtime="portable",
        unit="CPU", precision="float32", recipe="package",
        geometry="shorter side 256, bilinear, centre 224 x 224",
        photographs=Photographs(name="pets", digest="ab", images=200, classes=37),
        started="2026-01-02T03:04:05Z", tool="0.1.0", images=200, top1=top1, top5=top1 + 30,
        top1_interval=(0.6, 0.8), top5_interval=(0.8, 0.9), published_top1=70.9,
        published_top5=89.9,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def agreement(reference: str, other: str, **changes: object) -> Agreement:
    made = Agreement(
        reference=reference, other=other, images=200, same_top1=180, only_reference_right=25,
        only_other_right=3, p_worse=0.031, error_of="logits", error_p50=0.11, error_p90=0.31,
        error_p99=0.62, error_max=0.93,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)
