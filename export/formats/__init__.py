"""The formats that models are written in."""
