"""Measure model packages, one fresh process per launch."""
