"""A model on disk: its files, its identity, and what it says about itself."""
