import re

from reports import formatting
from reports.schema import Results


def test_every_value_of_heat_maps_is_the_formatted_value_of_the_file(
    results: Results, html: str
) -> None:
    """Title of each heat cell: 'corruption, parameters: value interval, sample'; its bold text is
    the value.
    """
    found = re.findall(r'<td class="q\w+" title="([^"]*)"><b>([^<]*)</b>', html)
    expected = [
        (cell.metrics[metric], cell.condition)
        for metric in ("mAP", "mIoU")
        for model in ("fused", "camera-only", "lidar-only")
        for cell in results.cells
        if cell.model == model and cell.condition.kind == "corruption"
    ]
    wanted = sorted(
        f"{formatting.to_words(c.name)}, {formatting.format_parameters(c.parameters)}: "
        f"{formatting.format_metric(m)} {formatting.format_interval(m)}, "
        f"{formatting.format_sample(m)}"
        for m, c in expected
    )
    assert sorted(title for title, _ in found) == wanted
    for title, text in found:
        assert f": {text}\u00a0% [" in title
