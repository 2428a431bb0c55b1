"""Sources of frames: the embedded simulator, nuScenes; and batches of frames."""
