"""What happens to images alone."""
