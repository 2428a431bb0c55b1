"""Task heads on the trunk's BEV features."""
