"""The commands of `python -m export`, by what they are for. Loads nothing heavy."""
