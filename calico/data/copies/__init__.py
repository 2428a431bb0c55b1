"""Writing of data sets in the nuScenes format: corrupted copies, and other sources' frames."""
