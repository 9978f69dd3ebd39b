"""The app on a made phone where there is no Swift: it answers as Measure/Errand.swift does.

Nothing but the standard library: it is started for every launch.
"""

import json
import os
import shutil
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

COMMAND = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
ENVIRONMENT = {
    "system": "iOS 26.1", "machine": "arm64", "name": "iPhone 15 Pro", "model": "iPhone16,1",
    "processor": "A17 Pro", "physical_cores": 6, "logical_cores": 6,
    "memory_bytes": 8_000_000_000, "power_source": "battery",
}  # fmt: skip
TIMES = {"start_ns": 10, "load_ns": 20, "first_call_ns": 30, "peak_memory_bytes": 40, "top1": "1"}
OUTPUTS = struct.pack("<2f", 0.25, 0.5)
OP = {
    "function": "main", "name": "y", "type": "ios16.conv", "preferred": "ANE",
    "supported": ["CPU", "ANE"], "cost": 1.0,
}  # fmt: skip
WINDOW = {"begin_ns": 0, "took_ns": 1_000_000_000, "calls": 50}


def answers(job: dict, folder: Path) -> Iterator[object]:
    match job["task"]:
        case "describe":
            yield {"type": "device", "environment": ENVIRONMENT}
            yield {"type": "units", "units": ["CPU_ONLY", "ALL"]}
        case "compile":
            assert (folder / job["package"]).is_dir()
            yield {"type": "compiled", "compiled": f"{job['folder']}/made", "compile_ns": 1}
        case "plan":
            yield {"type": "plan", "ops": [OP]}
        case "soak":
            yield {"type": "progress", "window": WINDOW}
            yield measured(job, folder)
        case "measure":
            yield measured(job, folder)


def measured(job: dict, folder: Path) -> object:
    assert all((folder / file["path"]).is_file() for file in job["inputs"])
    (folder / job["outputs"]).write_bytes(OUTPUTS)
    pressure = {"pressure": "nominal"}
    return {
        "type": "result", **TIMES, "samples_ns": [300_000] * job["samples"],
        "thermal_before": pressure, "thermal_after": pressure,
    }  # fmt: skip


def run(variables: Mapping[str, str], documents: Path) -> None:
    """One launch, in the folder of the app's documents."""
    job, folder = json.loads(variables["BENCH_JOB"]), documents / "Errands"
    if job["task"] == "describe":
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    with (folder / f"{variables['BENCH_ANSWER']}.jsonl").open("w") as file:
        for line in answers(job, folder):
            print(json.dumps(line), file=file, flush=True)
        size = len(OUTPUTS) if job["task"] in ("measure", "soak") else 0
        print(json.dumps({"type": "end", "outputs_bytes": size}), file=file)


if __name__ == "__main__":
    run(os.environ, Path())
