"""Training: one readable loop, checkpoints, resume."""
