"""Where frames come from: the embedded simulator, nuScenes, and what turns frames into batches."""
