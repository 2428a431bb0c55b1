from reports import formatting
from reports.schema import Results
from tests.reports.html.page import Page


def test_scorecard_and_classes_show_the_values_of_the_file(results: Results, html: str) -> None:
    rows = [" ".join(row) for row in Page(html).rows]
    for model in ("fused", "camera-only", "lidar-only"):
        clean = next(c for c in results.cells if c.model == model and c.condition.kind == "clean")
        for metric in ("mAP", "NDS", "mIoU"):
            wanted = (
                formatting.format_metric(clean.metrics[metric]),
                formatting.format_metric(results.summary[f"{model}/onnxruntime"][f"{metric}/mPC"]),
            )
            assert [
                row for row in rows if row.startswith(model) and all(text in row for text in wanted)
            ], (
                model,
                metric,
            )
        for name in ("car", "barrier"):
            value = clean.metrics[f"AP/{name}"]
            assert [
                row
                for row in rows
                if row.startswith(name)
                and formatting.format_metric(value) in row
                and str(value.n_objects) in row
            ]
