"""One perturbation for all frames, learnt on frames of other scenes."""
