"""The machine: what it is, how warm it is, and what would disturb a measurement."""
