from .inspect.inspect import Inspection
from .pipeline import Exported, export
from .source import TrainedModule
from .spec import ExportSpec, Variant
from .verify.reverify import reverify

__all__ = [
    "ExportSpec",
    "Exported",
    "Inspection",
    "TrainedModule",
    "Variant",
    "export",
    "reverify",
]
