import re
from pathlib import Path

from reports.html import render_html
from reports.schema import Cell, Results
from tests.reports.html.page import minimal


def test_engines_that_show_the_same_by_class_share_a_chart(
    results: Results, tmp_path: Path
) -> None:
    fused = [c for c in results.cells if c.model == "fused"]
    onnx = [c for c in fused if c.condition.kind != "attack"]
    torch = fused[0].model_copy(update={"engine": "torch"})

    def captions(*cells: Cell) -> list[str]:
        section = (
            render_html(minimal(results, *cells), tmp_path)
            .split('id="classes"')[1]
            .split("</section>")[0]
        )
        return re.findall(r"<figcaption>.*?<b>(.*?)</b></figcaption>", section)

    assert captions(*onnx, torch) == ["fused (onnxruntime) = fused (torch)"] * 2, (
        "detection and map"
    )
    assert captions(torch, *onnx) == ["fused (onnxruntime) = fused (torch)"] * 2, (
        "the one that shows more first"
    )
    bus = torch.metrics["AP/bus"].model_copy(
        update={"value": (torch.metrics["AP/bus"].value or 0) + 0.006}
    )
    other = torch.model_copy(update={"metrics": {**torch.metrics, "AP/bus": bus}})
    assert captions(*onnx, other) == [
        "fused (onnxruntime)",
        "fused (torch)",
        "fused (onnxruntime) = fused (torch)",
    ]
