"""A whole grid of variants at once."""
