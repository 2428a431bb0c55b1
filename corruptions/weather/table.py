"""Weather and light: one physical parameter for all sensors."""

from __future__ import annotations

from corruptions.spec import Spec
from corruptions.weather.fog import fog
from corruptions.weather.precipitation import rain, snowfall

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("fog", "weather", ("camera", "lidar"), "visibility_m", "m", (400, 200, 100, 60, 30), (1, 1e6),
         "Koschmieder 1924; Hahner et al., ICCV 2021, algorithm 1",
         ("robo3d", "robobev", "multicorrupt", "nuscenes-c", "msc-bench"), fog),
    Spec("rain", "weather", ("camera", "lidar"), "rain_mm_h", "mm/h", (5, 10, 25, 50, 100), (0.1, 300),
         "Marshall & Palmer 1948; LISA, Kilic et al. 2021; Garg & Nayar, IJCV 2007",
         ("nuscenes-c",), rain),
    Spec("snowfall", "weather", ("camera", "lidar"), "snow_mm_h", "mm/h of water", (0.5, 1, 2, 3, 5), (0.05, 20),
         "Gunn & Marshall 1958; Hahner et al., CVPR 2022",
         ("robo3d", "robobev", "multicorrupt", "nuscenes-c", "msc-bench"), snowfall),
)
# fmt: on
