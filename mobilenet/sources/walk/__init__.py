"""From the graph of a weight file to a checkpoint: walked from its input to its result."""
