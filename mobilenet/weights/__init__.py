"""From a name or a file to weights: what was published, where it lies, how it is fetched."""
