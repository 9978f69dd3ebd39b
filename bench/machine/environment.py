"""The machine and software a session ran on."""

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from bench.results.environment_record import Environment
from export.coreai import compute_units, library
from mobilenet.common.errors import RecordError

# What computes, or decides how: a change in one of these makes old numbers incomparable.
PACKAGES = ("coremltools", "onnxruntime", "torch", "numpy", "pillow", "coreai-core")
# Fields that must agree for two sets of numbers to come from one machine.
MACHINE = ("machine", "model", "processor", "physical_cores", "logical_cores", "virtual")
CPU = Path("/sys/devices/system/cpu")


def environment() -> Environment:
    """Read it now. Takes about 0.1 s."""
    import psutil

    return Environment(
        system=_system(),
        machine=platform.machine(),
        model=_model(),
        processor=_processor(),
        physical_cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        logical_cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        virtual=_virtual(),
        python=platform.python_version(),
        packages={name: version for name in PACKAGES if (version := _version(name))},
        core_ai=_core_ai(),
        power_source=power_source(),
        low_power_mode=low_power_mode(),
        governor=_text(CPU / "cpu0/cpufreq/scaling_governor"),
        turbo=_turbo(),
        load_average=round(os.getloadavg()[0], 2),
    )


def check_same_machine(before: Environment, now: Environment) -> None:
    """Raises `RecordError` when a session would go on elsewhere, or with other software."""
    software = ("packages",) if before.python else ("system",)  # a phone's Core ML is its system's
    for field in (*MACHINE, *software):
        old, new = getattr(before, field), getattr(now, field)
        if old != new:
            raise RecordError(
                f"the session began with {field} {old!r}, here it is {new!r}",
                "its numbers would not be comparable: begin a new session",
            )


def _system() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.release()}"


def _core_ai() -> str:
    if library.missing():
        return ""
    return "system" if compute_units.uses_system() else "interpreter"


def _model() -> str:
    if sys.platform == "darwin":
        return _sysctl("hw.model")
    return _text(Path("/sys/class/dmi/id/product_name"))


def _processor() -> str:
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string")
    match = re.search(r"^model name\s*:\s*(.+)$", _text(Path("/proc/cpuinfo")), re.MULTILINE)
    return match[1] if match else platform.processor() or platform.machine()


def _virtual() -> str:
    """What virtualises this machine, as far as it can be seen from inside."""
    if sys.platform == "darwin":
        return "hypervisor" if _sysctl("kern.hv_vmm_present") == "1" else ""
    if re.search(r"^flags\s*:.*\bhypervisor\b", _text(Path("/proc/cpuinfo")), re.MULTILINE):
        return _text(Path("/sys/class/dmi/id/sys_vendor")) or "hypervisor"
    return ""


def power_source() -> str:
    """What feeds the machine now: "mains" or "battery"."""
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return "mains"
    return "mains" if battery.power_plugged else "battery"


def low_power_mode() -> bool | None:
    """macOS's setting; None elsewhere."""
    if sys.platform != "darwin":
        return None
    match = re.search(r"^\s*lowpowermode\s+(\d)", _output("/usr/bin/pmset", "-g"), re.MULTILINE)
    return match[1] == "1" if match else None


def _turbo() -> bool | None:
    """Whether the clock may rise above its base; None where the system does not say."""
    if off := _text(CPU / "intel_pstate/no_turbo"):
        return off == "0"
    if boost := _text(CPU / "cpufreq/boost"):
        return boost == "1"
    return None


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _sysctl(name: str) -> str:
    return _output("/usr/sbin/sysctl", "-n", name)


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a fact that cannot be had is an empty field
    return done.stdout.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
