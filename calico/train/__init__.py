"""Training: one readable loop, checkpoints, resume."""

from calico.extras import require_extra

require_extra("training", "train")
