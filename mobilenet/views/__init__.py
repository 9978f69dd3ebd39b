"""What the terminal shows of published weights and of checkpoints."""
