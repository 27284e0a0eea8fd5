"""Convert a trained model for CTranslate2, in 8-bit numbers: python tools/partner_model/convert.py FROM TO"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def main() -> None:
    """Do it."""
    from ctranslate2.converters import TransformersConverter

    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    copied = ["tokenizer.json", "tokenizer_config.json", "training.json"]
    there = [name for name in copied if (source / name).is_file()]
    converter = TransformersConverter(str(source), copy_files=there)
    for old in target.glob("model.bin"):
        old.unlink()
    converter.convert(str(target), quantization="int8", force=True)
    print(f"{target}: {sum(each.stat().st_size for each in target.iterdir()) / 1e6:.1f} MB")
    if "--keep" not in sys.argv:
        shutil.rmtree(source)


if __name__ == "__main__":
    main()
