"""Made-up sessions of iPhones: driven launch by launch, run by the app itself, paced."""

import msgspec

import made_results as made
from bench.results.environment_record import Environment
from bench.results.records import Case, Record
from mobilenet.networks.v1 import MobileNetConfig

PRO = Environment(
    system="iOS 26.1", machine="arm64", name="iPhone 15 Pro", model="iPhone16,1",
    processor="A17 Pro", physical_cores=6, logical_cores=6, memory_bytes=8 << 30,
    power_source="mains", battery=0.81, low_power_mode=False,
)  # fmt: skip
IPHONE_6S = msgspec.structs.replace(
    PRO, system="iOS 15.8", name="iPhone 6s", model="iPhone8,1", processor="A9",
    physical_cores=2, logical_cores=2, memory_bytes=2 << 30,
)  # fmt: skip
MODELS = [made.model(MobileNetConfig(alpha=alpha)) for alpha in (1.0, 0.5)]
RUNTIME = "coreml-native"


def session(
    environment: Environment = PRO,
    *,
    paces: tuple[int, ...] = (0,),
    ms: float = 1.0,
    **changes: object,
) -> list[Record]:
    """Two networks on two units, at each pace, with a control; frames take twice the time."""
    cases = [
        _case(model, unit, pace)
        for model in MODELS for unit in ("CPU_ONLY", "CPU_AND_NE") for pace in paces
    ]  # fmt: skip
    times = {
        case.case: ms * (case.model.alpha or 1) * (4 if case.unit == "CPU_ONLY" else 1)
        * (2 if case.options else 1)
        for case in cases
    }  # fmt: skip
    twin = msgspec.structs.replace(cases[0], case="twin", control_of=cases[0].case)
    times[twin.case] = times[cases[0].case]
    paced = {case.case: float(case.options.get("pace", 0)) for case in [*cases, twin]}
    launches = [
        msgspec.structs.replace(launch, pace_hz=paced[launch.case])
        for launch in made.launches([*cases, twin], times, 15, 9, seed=5)
    ]
    head = made.session(15, 9, environment=environment, **changes)
    return [head, *cases, twin, *launches]


def _case(model: made.Model, unit: str, pace: int) -> Case:
    case = made.case(model, RUNTIME, unit)
    if not pace:
        return case
    return msgspec.structs.replace(
        case, case=f"{case.case} | pace {pace}", options={"pace": str(pace)}
    )
