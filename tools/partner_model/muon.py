"""Muon (Keller Jordan, 2024): steps of matrices whose directions all count the same. It takes far fewer steps than Adam
with nets as small as this one. torch's own computes in bfloat16, which a processor without it does fifty times slower,
and one matrix after the other, which keeps a GPU waiting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

ROUNDS = 5
FACTORS = (3.4445, -4.775, 2.0315)
DECAY = 0.01


class Muon(torch.optim.Optimizer):  # type: ignore[misc]
    """parameters: matrices [out, in], which all have a gradient in each step. rate: about ten times Adam's."""

    def __init__(self, parameters: Iterable[Any], rate: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": rate, "momentum": momentum})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> None:
        """One step along what the gradients say. Matrices of one shape go together."""
        for group in self.param_groups:
            alike: dict[Any, list[Any]] = {}
            for each in group["params"]:
                alike.setdefault(each.shape, []).append(each)
            for (rows, columns), matrices in alike.items():
                directions = []
                for each in matrices:
                    kept = self.state[each].setdefault("momentum", torch.zeros_like(each))
                    kept.lerp_(each.grad, 1 - group["momentum"])
                    directions.append(each.grad.lerp(kept, group["momentum"]))
                found = orthogonal(torch.stack(directions)).unbind()
                torch._foreach_mul_(matrices, 1 - group["lr"] * DECAY)
                torch._foreach_add_(matrices, found, alpha=-group["lr"] * max(1, rows / columns) ** 0.5)


def orthogonal(matrices: Any) -> Any:
    """Of each of some matrices, [count, out, in], about the nearest one with orthogonal rows or columns, by Newton and
    Schulz."""
    a, b, c = FACTORS
    wide = matrices.shape[1] <= matrices.shape[2]
    found = matrices if wide else matrices.mT
    found = found / (found.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = found @ found.mT
        found = a * found + (b * square + c * square @ square) @ found
    return found if wide else found.mT
