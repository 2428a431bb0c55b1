import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from calico.errors import CalicoError
from calico.export.external import hash_graph


def graph(folder: Path, location: str | None) -> tuple[Path, onnx.ModelProto]:
    """A graph of one weight, in the file or in another one."""
    weight = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    if location is not None:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=location)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    node = helper.make_node("Add", ["x", "w"], ["y"])
    proto = helper.make_model(helper.make_graph([node], "g", [x], [y], [weight]))
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path, proto


def test_a_file_with_its_weights_is_its_own_hash(tmp_path: Path) -> None:
    path, proto = graph(tmp_path, None)
    assert hash_graph(path, proto) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_beside_the_file_count(tmp_path: Path) -> None:
    path, proto = graph(tmp_path, "weights.bin")
    (tmp_path / "weights.bin").write_bytes(b"one")
    content = path.read_bytes() + b"\nweights.bin\n" + b"one"
    assert hash_graph(path, proto) == hashlib.sha256(content).hexdigest()
    (tmp_path / "weights.bin").write_bytes(b"two")
    assert hash_graph(path, proto) != hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("location", ["/etc/passwd", "../w.bin", "a\\b", "", "a\nb"])
def test_weights_elsewhere_are_refused(location: str, tmp_path: Path) -> None:
    path, proto = graph(tmp_path, location)
    with pytest.raises(CalicoError, match="expected a file in the graph's own folder"):
        hash_graph(path, proto)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    path, proto = graph(tmp_path, "weights.bin")
    with pytest.raises(CalicoError, match=r"keeps weights in weights\.bin, which is not there"):
        hash_graph(path, proto)
