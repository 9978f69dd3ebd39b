"""What the terminal shows of a machine and of a placement."""
