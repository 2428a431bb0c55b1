"""The network, in plain PyTorch: branches, fusion, trunk and heads.

Start at `calico.models.calico`.
"""

from calico.extras import require_extra

require_extra("the network", "train")
