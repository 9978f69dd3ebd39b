"""Turn records into tables, plots and decisions."""

from reports.frame import read

__all__ = ["read"]
