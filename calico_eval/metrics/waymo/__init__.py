"""The 3D detection metrics of the Waymo Open Dataset, counted frame by frame and pooled."""
