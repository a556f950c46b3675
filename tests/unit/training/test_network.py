from __future__ import annotations

import pytest
import torch

from training.network import EmbeddingNetwork, configured, fold_batch_norms


@pytest.fixture
def network() -> EmbeddingNetwork:
    torch.manual_seed(0)
    return EmbeddingNetwork(configured(trunk="assayer_residual_small", size=64))


def test_folding_batch_norms_changes_no_output(network: EmbeddingNetwork) -> None:
    pictures = torch.rand(4, 3, 64, 64)
    for _ in range(3):
        network(pictures)
    network.eval()
    with torch.no_grad():
        wanted = network(pictures)
        folded = fold_batch_norms(network)
        assert not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in folded.modules())
        for space, vectors in folded(pictures).items():
            torch.testing.assert_close(vectors, wanted[space], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("trunk", ["assayer_residual", "assayer_residual_wide", "mobilenetv4_conv_small"])
def test_any_trunk_of_timm_gives_three_spaces(trunk: str) -> None:
    network = EmbeddingNetwork(configured(trunk=trunk, size=64)).eval()
    vectors = network(torch.rand(2, 3, 64, 64))
    assert {space: tuple(found.shape) for space, found in vectors.items()} == {
        "copy": (2, 256),
        "mark": (2, 256),
        "caption": (2, 256),
    }


def test_the_order_of_words_changes_a_text(network: EmbeddingNetwork) -> None:
    network.eval()
    tokens = torch.zeros(2, network.context_length, dtype=torch.int64)
    tokens[0, :5] = torch.tensor([1, 70, 80, 90, 2])
    tokens[1, :5] = torch.tensor([1, 90, 80, 70, 2])
    with torch.no_grad():
        first, second = network.embed_texts(tokens)
    assert float((first - second).abs().max()) > 1e-3
