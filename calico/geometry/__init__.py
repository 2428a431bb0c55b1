"""Pure geometry: boxes, frames, grids, cameras. Conventions: `calico.frame`."""
