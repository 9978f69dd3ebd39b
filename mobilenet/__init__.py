"""MobileNet v1: its configurations, its network, and every published weight file of it."""

__version__ = "0.1.0"
