"""The embedded simulator as a Waymo vehicle sees it: the parts of `calico.data.waymo.simulate`."""
