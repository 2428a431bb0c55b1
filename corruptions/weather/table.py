"""The table of weather and light."""

from __future__ import annotations

from corruptions.spec import Spec
from corruptions.weather.fog import fog
from corruptions.weather.precipitation import rain, snowfall
from corruptions.weather.spray import spray
from corruptions.weather.sunlight import sunlight
from corruptions.weather.wet_ground import wet_ground

TABLE: tuple[Spec, ...] = (
    Spec(
        "fog",
        "weather",
        ("camera", "lidar"),
        "visibility_m",
        "m",
        (400, 200, 100, 60, 30),
        (1, 1e9),
        "Koschmieder 1924; Hahner et al., ICCV 2021, algorithm 1",
        ("robo3d", "robobev", "multicorrupt", "nuscenes-c", "msc-bench"),
        fog,
    ),
    Spec(
        "rain",
        "weather",
        ("camera", "lidar"),
        "rain_mm_h",
        "mm/h",
        (5, 10, 25, 50, 100),
        (0, 300),
        "Marshall & Palmer 1948; LISA, Kilic et al. 2021; Garg & Nayar, IJCV 2007",
        ("nuscenes-c",),
        rain,
    ),
    Spec(
        "snowfall",
        "weather",
        ("camera", "lidar"),
        "snow_mm_h",
        "mm/h of water",
        (0.5, 1, 2, 3, 5),
        (0, 20),
        "Gunn & Marshall 1958; Hahner et al., CVPR 2022",
        ("robo3d", "robobev", "multicorrupt", "nuscenes-c", "msc-bench"),
        snowfall,
    ),
    Spec(
        "wet_ground",
        "weather",
        ("camera", "lidar"),
        "film_mm",
        "mm",
        (0.2, 0.4, 0.6, 0.9, 1.2),
        (0, 1.2),
        "Hahner et al., CVPR 2022; Lekner & Dorf, Applied Optics 1988",
        ("robo3d",),
        wet_ground,
    ),
    Spec(
        "sunlight",
        "weather",
        ("camera", "lidar"),
        "sun_klux",
        "klux",
        (10, 20, 40, 70, 100),
        (0, 130),
        "Stiles-Holladay (CIE 31, 1976); noise floor as in LISA, Kilic et al. 2021",
        ("nuscenes-c",),
        sunlight,
    ),
    Spec(
        "spray",
        "weather",
        ("camera", "lidar"),
        "traffic_km_h",
        "km/h",
        (50, 70, 90, 110, 130),
        (0, 200),
        "after Walz et al., ITSC 2021 and Linnhoff et al. 2022 in kind",
        (),
        spray,
    ),
)
