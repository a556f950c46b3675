from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from domain.errors import NotReady
from training import onnx_export
from training.onnx_export import ExportFailed, export_onnx

BATCH = {"x": {0: "n"}, "sums": {0: "n"}, "squares": {0: "n"}}


class TwoHeads(nn.Module):
    """What the plain exporter knows."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.layer(x)
        return hidden.sum(dim=1, keepdim=True), hidden * hidden


class WithComplexNumbers(TwoHeads):
    """What only its successor knows: complex numbers, here in a Fourier transform."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        turned = torch.fft.fft(self.layer(x), dim=1).real
        return turned.sum(dim=1, keepdim=True), turned * turned


class WithPython(TwoHeads):
    """What neither knows: an error of its own."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        raise RuntimeError("only in Python")


def outputs(path: Path, x: Tensor) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return list(session.run(["sums", "squares"], {"x": x.numpy()}))


@pytest.mark.parametrize(("network", "by"), [(TwoHeads, "torchscript"), (WithComplexNumbers, "dynamo")])
def test_the_file_computes_what_the_module_computes_for_any_batch(
    network: type[nn.Module], by: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module, path = network(), tmp_path / "two.onnx"
    assert export_onnx(module, (torch.zeros(2, 4),), path, ["x"], ["sums", "squares"], BATCH) == by
    assert [file.name for file in tmp_path.iterdir()] == ["two.onnx"], "weights lie in the one file"
    for batch in (1, 2, 7):
        x = torch.randn(batch, 4)
        for wanted, found in zip(module(x), outputs(path, x), strict=True):
            np.testing.assert_allclose(found, wanted.detach().numpy(), atol=1e-5)


def test_the_switch_that_exporting_turns_is_turned_back(tmp_path: Path) -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    export_onnx(TwoHeads(), (torch.zeros(2, 4),), tmp_path / "two.onnx", ["x"], ["sums", "squares"], BATCH)
    assert torch.backends.mha.get_fastpath_enabled() == before


def test_what_neither_exporter_can_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="only in Python"):
        export_onnx(WithPython(), (torch.zeros(2, 4),), tmp_path / "two.onnx", ["x"], ["sums", "squares"], BATCH)
    assert list(tmp_path.iterdir()) == []


def test_without_the_second_exporters_package_one_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "find_spec", lambda _: None)
    with pytest.raises(NotReady, match="needs onnxscript") as refusal:
        export_onnx(
            WithComplexNumbers(), (torch.zeros(2, 4),), tmp_path / "two.onnx", ["x"], ["sums", "squares"], BATCH
        )
    assert "assayer[train]" in refusal.value.advice


def test_what_is_too_large_for_one_file_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "MAX_BYTES", 10)
    with pytest.raises(ExportFailed, match="would hold"):
        export_onnx(TwoHeads(), (torch.zeros(2, 4),), tmp_path / "two.onnx", ["x"], ["sums", "squares"], BATCH)
    assert list(tmp_path.iterdir()) == []
