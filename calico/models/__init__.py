"""The network, in plain PyTorch: branches, fusion, trunk and heads. Start at `calico.models.calico`."""
