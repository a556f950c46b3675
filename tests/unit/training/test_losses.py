from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from training.losses import caption_loss, contrastive_loss, spreading_loss


def test_contrastive_loss_is_the_mean_over_both_directions() -> None:
    vectors = normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)))
    expected = []
    for i in range(6):
        partner = (i + 3) % 6
        others = [float(torch.exp(vectors[i] @ vectors[j] / 0.1)) for j in range(6) if j != i]
        expected.append(-np.log(float(torch.exp(vectors[i] @ vectors[partner] / 0.1)) / sum(others)))
    found = contrastive_loss(vectors[:3], vectors[3:], temperature=0.1)
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-5)


def test_spreading_loss_is_lower_for_spread_vectors() -> None:
    crowded = normalize(torch.ones(4, 4) + 0.01 * torch.eye(4))
    assert float(spreading_loss(torch.eye(4))) < float(spreading_loss(crowded))


def test_equal_captions_are_no_negatives() -> None:
    pictures = torch.eye(3)
    texts = torch.eye(3)[[0, 0, 2]]
    same = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    shared = normalize(torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    scale = torch.tensor(10.0)
    assert float(caption_loss(shared, texts, same, scale=scale)) < float(
        caption_loss(pictures, texts, same, scale=scale)
    )


def test_caption_loss_without_equal_captions_is_clips() -> None:
    generator = torch.Generator().manual_seed(1)
    pictures, texts = (normalize(torch.randn(5, 8, generator=generator)) for _ in range(2))
    logits = (7.0 * pictures @ texts.T).double()
    rows = -torch.log_softmax(logits, dim=1).diagonal().mean()
    columns = -torch.log_softmax(logits, dim=0).diagonal().mean()
    found = caption_loss(pictures, texts, torch.eye(5, dtype=torch.bool), scale=torch.tensor(7.0))
    assert float(found) == pytest.approx(float((rows + columns) / 2), rel=1e-5)


def test_others_are_wrong_answers_that_cost_the_more_the_nearer_they_are() -> None:
    vectors = normalize(torch.randn(8, 5, generator=torch.Generator().manual_seed(1)))
    first, second = vectors[:4], vectors[4:]

    alone = contrastive_loss(first, second, temperature=0.1)
    away = contrastive_loss(first, second, temperature=0.1, others=-first.mean(0, keepdim=True))
    near = contrastive_loss(first, second, temperature=0.1, others=first[:1])

    assert alone < away < near
