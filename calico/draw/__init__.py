"""Pictures of frames and predictions as numpy RGB arrays.

`draw_bev` draws from above, `draw_cameras` through the cameras.
"""

from calico.draw.bev import draw_bev
from calico.draw.cameras import draw_cameras

__all__ = ["draw_bev", "draw_cameras"]
