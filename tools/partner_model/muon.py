"""Muon (Keller Jordan, 2024): steps of matrices whose directions all count the same. It takes far fewer steps than Adam
with nets as small as this one. torch's own computes in bfloat16, which a processor without it does fifty times
slower."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

ROUNDS = 5
FACTORS = (3.4445, -4.775, 2.0315)


class Muon(torch.optim.Optimizer):  # type: ignore[misc]
    """parameters: matrices [out, in]. rate: about ten times Adam's."""

    def __init__(self, parameters: Iterable[Any], rate: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": rate, "momentum": momentum})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> None:
        """One step along what the gradients say."""
        for group in self.param_groups:
            for each in group["params"]:
                if each.grad is None:
                    continue
                state = self.state[each]
                kept = state.setdefault("momentum", torch.zeros_like(each))
                kept.lerp_(each.grad, 1 - group["momentum"])
                direction = orthogonal(each.grad.lerp(kept, group["momentum"]))
                each.mul_(1 - group["lr"] * 0.01)
                each.add_(direction, alpha=-group["lr"] * max(1, each.shape[0] / each.shape[1]) ** 0.5)


def orthogonal(matrix: Any) -> Any:
    """About the nearest matrix with orthogonal rows or columns, by Newton and Schulz."""
    a, b, c = FACTORS
    wide = matrix.shape[0] <= matrix.shape[1]
    found = matrix if wide else matrix.T
    found = found / (found.norm() + 1e-7)
    for _ in range(ROUNDS):
        square = found @ found.T
        found = a * found + (b * square + c * square @ square) @ found
    return found if wide else found.T
