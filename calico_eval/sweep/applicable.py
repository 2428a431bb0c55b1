"""See `calico.data.applicable`, which `calico corrupt` shares."""

from calico.data.applicable import applicable

__all__ = ["applicable"]
