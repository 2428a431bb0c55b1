"""LiDAR attacks in which points appear and vanish: dropping, removal, spoofed vehicles, injection.

Each module is one family. They share the geometry of the sensor (`rays`), the choice of the place
(`aim`), the assembly of the changed cloud (`edit`) and the objective of a cloud (`cloud_loss`).
They are listed in `catalogue.ALGORITHMS`.
"""
