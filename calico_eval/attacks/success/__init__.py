"""How often an attack succeeded, and which detected objects count."""
