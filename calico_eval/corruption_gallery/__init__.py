"""Pictures of corruptions: the page of `calico gallery`, and pictures for the documentation."""
