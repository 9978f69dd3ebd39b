"""Models as data: read, counted and lowered, without importing the coremltools package."""
