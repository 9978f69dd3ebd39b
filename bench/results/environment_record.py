"""The machine and software of a session, a Mac's, a Linux machine's or a phone's."""

import msgspec

from bench.results.bounds import Bytes, Count, Number, Share


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What figures depend on. Two sessions compare only if the machine is one."""

    system: str  # "Linux 6.1", "macOS 15.1", "iOS 26.1"
    machine: str  # "x86_64", "arm64"
    name: str = ""  # what its maker calls it: "iPhone 15 Pro"; empty where `model` must do
    model: str = ""  # "MacBookPro18,3", "iPhone16,1"; empty where the system does not say
    processor: str  # "Apple M4", "A17 Pro"
    physical_cores: Count
    logical_cores: Count
    memory_bytes: Bytes
    virtual: str = ""  # hypervisor, when one is seen; "Simulator" of a phone that is none
    python: str = ""  # empty where there is none
    packages: dict[str, str] = {}  # name to version, of what computes
    core_ai: str = ""  # "system" is macOS's own, "interpreter" the library's; empty without it
    power_source: str = "unknown"
    battery: Share | None = None  # of a full charge; None without one
    low_power_mode: bool | None = None
    governor: str = ""
    turbo: bool | None = None
    load_average: Number = 0.0  # one minute, when the session began

    @property
    def is_phone(self) -> bool:
        """Whether it is a phone or a tablet."""
        return self.system.startswith("iOS")

    @property
    def device(self) -> str:
        """What tells it from others: "iPhone 15 Pro, A17 Pro, iOS 26.1", a model, a processor."""
        if not self.name:
            return self.model or self.processor
        virtual = f" ({self.virtual})" if self.virtual else ""
        return f"{self.name}{virtual}, {self.processor}, {self.system}"

    @property
    def software(self) -> str:
        """What computes, besides the system: "Python 3.13.1, numpy 2.3.5"; a phone has none."""
        python = [f"Python {self.python}"] if self.python else []
        return ", ".join(
            [*python, *(f"{name} {version}" for name, version in self.packages.items())]
        )
