"""Wrong calibration and poses, as the model is given them; the ground truth stays."""
