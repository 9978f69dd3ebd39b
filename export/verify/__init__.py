"""The proof: what was written is run and held against the network it was made from."""
