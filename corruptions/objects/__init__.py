"""Objects that look or move as they do not in the training data; their boxes move in step."""
