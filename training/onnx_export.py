"""A torch module to one ONNX file: by the plain exporter, or by its successor where that does not know an operation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from domain.errors import AssayerError, NotReady

Exporter = Literal["torchscript", "dynamo"]

OPSET = 18
MAX_BYTES = 1_900_000_000
"""Of a module's weights: ONNX holds at most two gigabytes in one file."""


class ExportFailed(AssayerError):
    """Neither exporter can write this module."""


def export_onnx(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
) -> Exporter:
    """Write `module` as it computes `examples` (of batch 2 or more) to `path`; which exporter did it.

    `dynamic_axes` names, for each input and output, the axes of free length. The module is left in evaluation mode.
    The plain exporter goes first: it needs no further package and its files start faster. Raises ExportFailed when
    neither can, NotReady when the second is needed and not installed.
    """
    module.eval()
    size = sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))
    if size > MAX_BYTES:
        reason = f"{path.name} would hold {size / 1e9:.1f} GB of weights; one ONNX file holds {MAX_BYTES / 1e9:.1f}"
        raise ExportFailed(reason, advice="Choose a smaller model.")
    try:
        with _quietly():
            _plain(module, examples, path, input_names, output_names, dynamic_axes)
    except Exception as refusal:  # noqa: BLE001  (the exporter raises whatever the module's code meets in tracing)
        _by_dynamo(module, examples, path, input_names, output_names, dynamic_axes, refusal)
        return "dynamo"
    return "torchscript"


def _plain(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
) -> None:
    torch.onnx.export(
        module,
        examples,
        path,
        input_names=list(input_names),
        output_names=list(output_names),
        dynamic_axes={name: dict(axes) for name, axes in dynamic_axes.items()},
        opset_version=OPSET,
        dynamo=False,
    )


def _by_dynamo(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
    refusal: Exception,
) -> None:
    if find_spec("onnxscript") is None:
        raise NotReady(
            f"{path.name} cannot be written by the plain exporter ({_first_line(refusal)}); the other needs onnxscript",
            advice="Install it: pip install 'assayer[train]'.",
        ) from refusal
    shapes = tuple(
        {axis: torch.export.Dim(label) for axis, label in dynamic_axes.get(name, {}).items()} for name in input_names
    )
    try:
        with _quietly():
            torch.onnx.export(
                module,
                examples,
                path,
                input_names=list(input_names),
                output_names=list(output_names),
                dynamic_shapes=shapes,
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        path.unlink(missing_ok=True)
        reason = f"{path.name}: {_first_line(refusal)}; and by the other exporter: {_first_line(error)}"
        raise ExportFailed(reason, advice="Choose another architecture.") from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporters' notes on their own future, and without fused attention, which they do not know."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
