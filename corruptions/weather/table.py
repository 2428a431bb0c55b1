"""Weather and light: one physical parameter for all sensors."""

from __future__ import annotations

from corruptions.spec import Spec
from corruptions.weather.fog import fog

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("fog", "weather", ("camera", "lidar"), "visibility_m", "m", (400, 200, 100, 60, 30), (1, 1e6),
         "Koschmieder 1924; Hahner et al., ICCV 2021, algorithm 1",
         ("robo3d", "robobev", "multicorrupt", "nuscenes-c", "msc-bench"), fog),
)
# fmt: on
