"""Convert a trained model for CTranslate2, in 8-bit numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

from partner_model.net import describe

CARD = Path(__file__).with_name("MODEL.md")
COPIED = ["tokenizer.json", "tokenizer_config.json", "training.json"]


def convert(source: Path) -> None:
    """Into the folder int8 there, which is what llm.reword.model wants."""
    from ctranslate2.converters import TransformersConverter

    target = source / "int8"
    describe(source)
    there = [name for name in COPIED if (source / name).is_file()]
    TransformersConverter(str(source), copy_files=there).convert(str(target), quantization="int8", force=True)
    shutil.copy(CARD, target)
    size = sum(each.stat().st_size for each in target.iterdir())
    print(f"{target}: {size / 1e6:.1f} MB")
