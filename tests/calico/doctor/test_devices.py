"""Devices, and packages that do not import."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from calico.doctor.devices import (
    Devices,
    Gpu,
    check_device,
    count_threads,
    find_devices,
    import_optional,
    warn_of_devices,
)

CPU = Devices(2, 1, [], None, ["CPUExecutionProvider"])
GPU = replace(CPU, cuda=[Gpu("H200", 150_000_000_000, "9.0")], torch_cuda="13.0")


def test_devices_are_those_that_torch_and_the_runtime_name() -> None:
    torch = pytest.importorskip("torch")
    runtime = pytest.importorskip("onnxruntime")
    found, problems = find_devices()
    assert problems == []
    assert found.torch_threads == torch.get_num_threads()
    assert len(found.cuda) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    assert found.onnxruntime_providers == runtime.get_available_providers()
    assert 1 <= found.cpu_threads == count_threads() <= (os.cpu_count() or 1)


def test_missing_packages_are_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found, problems = find_devices()
    assert problems == []
    assert (found.torch_threads, found.cuda, found.torch_cuda) == (None, [], None)
    assert found.onnxruntime_providers is None


def test_a_package_that_does_not_import_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_for_doctor.py").write_text("raise OSError('libcuda.so.1: not\\nthere')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert import_optional("broken_for_doctor") == (
        None,
        "broken_for_doctor is installed but does not import: OSError: libcuda.so.1: not there",
    )
    assert import_optional("no_such_module_for_doctor") == (None, "")


@pytest.mark.parametrize(
    ("device", "devices", "expected"),
    [
        ("auto", CPU, []),
        ("cpu", CPU, []),
        ("cuda", GPU, []),
        ("cuda:0", GPU, []),
        ("cuda:1", GPU, ["device 'cuda:1': torch sees 1 GPUs"]),
        ("cuda", CPU, ["device 'cuda': torch sees 0 GPUs"]),
        ("cuda", replace(CPU, torch_threads=None), ["device 'cuda': torch is not installed"]),
        ("tpu", GPU, ["device 'tpu': not known; expected auto, cpu, cuda or cuda:N"]),
    ],
)
def test_a_device_is_checked(device: str, devices: Devices, expected: list[str]) -> None:
    assert check_device(device, devices) == expected


def test_a_gpu_that_is_not_used_is_a_warning(tmp_path: Path) -> None:
    driver = tmp_path / "nvidiactl"
    assert warn_of_devices(CPU, driver) == []
    driver.touch()
    (warning,) = warn_of_devices(CPU, driver)
    assert warning.endswith("torch, built for the CPU only, sees none")
    (warning,) = warn_of_devices(GPU, driver)
    assert "ONNX Runtime has no CUDA provider" in warning
    whole = replace(GPU, onnxruntime_providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert warn_of_devices(whole, driver) == []
    assert warn_of_devices(replace(GPU, onnxruntime_providers=None), driver) == []
