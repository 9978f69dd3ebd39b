"""Made-up sessions of iPhones: driven launch by launch, run by the app itself, paced."""

import msgspec

import made_results as made
from bench.results.environment_record import Environment

PRO = Environment(
    system="iOS 26.1", machine="arm64", name="iPhone 15 Pro", model="iPhone16,1",
    processor="A17 Pro", physical_cores=6, logical_cores=6, memory_bytes=8 << 30,
    power_source="mains", battery=0.81, low_power_mode=False,
)  # fmt: skip
IPHONE_6S = msgspec.structs.replace(
    PRO, system="iOS 15.8", name="iPhone 6s", model="iPhone8,1", processor="A9",
    physical_cores=2, logical_cores=2, memory_bytes=2 << 30,
)  # fmt: skip


def head(environment: Environment = PRO, **changes: object):
    return made.session(15, environment=environment, **changes)
