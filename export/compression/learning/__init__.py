"""Kernels learned from photographs, layer by layer, against what the network gave before."""
