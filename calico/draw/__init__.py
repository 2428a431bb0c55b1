"""Pictures of frames and predictions, as numpy RGB: from above (`draw_bev`), through the cameras (`draw_cameras`)."""

from calico.draw.bev import draw_bev
from calico.draw.cameras import draw_cameras

__all__ = ["draw_bev", "draw_cameras"]
