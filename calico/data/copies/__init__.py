"""Data sets in the nuScenes format that are written: corrupted copies, and other sources' frames."""
