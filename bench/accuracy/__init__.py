"""`bench accuracy`: how often what is shipped is right, on photographs with known classes."""
