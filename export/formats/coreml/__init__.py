"""Core ML, written with coremltools: ML Programs, and NeuralNetworks for older systems."""
