"""Wrong calibration and poses, as the model is given them; the ground truth stays."""

from __future__ import annotations

from corruptions.alignment.extrinsic import extrinsic
from corruptions.spec import Spec

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("extrinsic", "alignment", ("calibration",), "rotation_deg", "degrees", (0.5, 1, 2, 3, 5), (0, 180),
         "after MultiCorrupt (Beemelmanns et al., IV 2024), spatial misalignment",
         ("multicorrupt", "nuscenes-c"), extrinsic),
)
# fmt: on
