"""Objects that look or move as they do not in the training data; boxes move in step."""
