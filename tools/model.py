"""The partner's small model, from nothing: what it learns from, training, conversion (docs/partner.md, `make model`).

    python tools/model.py show 5                                    # conversations as it is trained on
    python tools/model.py train --minutes 60 --out run/partner-model
    python tools/model.py convert --out run/partner-model           # into run/partner-model/int8
    python tools/model.py measure --out run/partner-model           # what that costs on one core

On a GPU it trains a larger one. Needs what `make dev` installs.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="do", required=True)
    show = commands.add_parser("show")
    show.add_argument("count", type=int, nargs="?", default=3)
    train, convert, measure = (commands.add_parser(name) for name in ("train", "convert", "measure"))
    for each in (train, convert, measure):
        each.add_argument("--out", type=Path, default=Path("run/partner-model"))
    train.add_argument("--minutes", type=float, default=60)
    train.add_argument("--size", choices=("tiny", "small", "medium"), help="tiny on a processor, small on a GPU")
    train.add_argument("--seed", default="1")
    train.add_argument("--length", type=int, help="tokens of a conversation, at most")
    train.add_argument("--facts", type=int, help="facts of a conversation, at most (12)")
    train.add_argument("--batch", type=int, help="conversations of a step")
    train.add_argument("--rate", type=float, default=2e-3, help="of learning")
    train.add_argument("--makers", type=int, help="processes that make conversations; 0: none beside this one")
    arguments = parser.parse_args()
    if arguments.do == "show":
        from partner_model import generate

        generate.show(arguments.count)
    elif arguments.do == "train":
        from partner_model import train as training  # torch, which takes a while

        training.train(arguments)
    elif arguments.do == "measure":
        from partner_model import measure as measuring

        measuring.measure(arguments.out / "int8")
    else:
        from partner_model import convert as conversion

        conversion.convert(arguments.out)


if __name__ == "__main__":
    main()
