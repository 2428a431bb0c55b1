from reports.schema import Results
from reports.svg.severity_curves import severity_curves
from tests.reports.curve_cells import CLEAN, cell, fog, view


def test_a_corruption_of_an_unused_sensor_has_no_line(results: Results) -> None:
    lidar = fog(1, 400).model_copy(update={"sensors": ("lidar",)})
    cells = [c.model_copy(update={"model": "camera-only"}) for c in (CLEAN, cell(lidar, 0.6))]
    assert severity_curves(view(results, *cells)) == ()
