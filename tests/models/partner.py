"""The partner's small model with weights by chance: its own tokenizer, net and conversion (tools/partner_model)."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def build_ct2(folder: Path) -> None:
    """As `make model` leaves it."""
    if str(TOOLS) not in sys.path:
        sys.path.append(str(TOOLS))
    import torch
    from partner_model.convert import convert
    from partner_model.generate import Generator
    from partner_model.net import net, save, text_of, tokenizer

    torch.manual_seed(0)
    generator = Generator("test", 4)
    save(folder / "source", net("tiny"), tokenizer(text_of(generator.talk()) for _ in range(300)))
    convert(folder / "source")
    for file in (folder / "source" / "int8").iterdir():
        file.rename(folder / file.name)
    shutil.rmtree(folder / "source")
