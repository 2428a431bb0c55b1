"""Training losses, one per file."""

from calico.extras import require_extra

require_extra("training", "train")
