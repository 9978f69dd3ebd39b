"""Smaller weights and activations, and how far they may lie from what they stand for."""
