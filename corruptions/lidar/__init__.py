"""What happens to point clouds alone."""
