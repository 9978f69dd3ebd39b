"""Plots: what stands in them, and how they look."""
