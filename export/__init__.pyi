from .calibration_options import CalibrationOptions
from .inspect.inspect import Inspection
from .pipeline import Exported, export
from .runtimes.portable_model import PortableModel, load
from .source import TrainedModule
from .spec import ExportSpec, Variant
from .verify.reverify import reverify

__all__ = [
    "CalibrationOptions",
    "ExportSpec",
    "Exported",
    "Inspection",
    "PortableModel",
    "TrainedModule",
    "Variant",
    "export",
    "load",
    "reverify",
]
