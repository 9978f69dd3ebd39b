"""Facts about any Core ML model, and what is odd about it."""
