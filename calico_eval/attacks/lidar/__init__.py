"""LiDAR attacks in which points appear and vanish: dropping, removal, spoofed vehicles, injection.

Each file is one family; what they share is the geometry of the sensor (`rays`), where they aim (`aim`), how the changed cloud is
put together (`edit`) and the gradient on pillars (`pillars`). They are listed in `catalogue.ALGORITHMS`.
"""
