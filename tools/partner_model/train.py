"""Train the small model from nothing: on a GPU where there is one, else on one core of the processor.

What is learnt is what stands between <answer> and <end>. The rate falls to nothing within the time, so a run that was
given less time is not one that was broken off. On a processor the conversations are those of the seed, and how many
there are is what the time allows; with --makers several processes make them, and which comes first is chance.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from partner_model.generate import Generator
from partner_model.muon import Muon
from partner_model.net import NUMBERS, PAD, net, save, text_of, tokenizer

END_ID, ANSWER_ID = 1, 4
WARM_UP, FALLS = 60, 0.4
"""Steps until the rate is all there, and the part of the time in which it falls."""
EASY = 0.3
"""The part of the time in which the number of facts grows."""
PICK = 4.0
"""How much which fact answers counts, beside any token of the answer."""
Batch = np.ndarray[Any, np.dtype[np.int16]]


def rows(generator: Generator, words: Any, length: int, size: int) -> Iterator[Batch]:
    """Batches of `size` conversations as tokens, at most `length` each: those of about the same length together."""
    pad = words.token_to_id(PAD)
    while True:
        texts = [text_of(generator.talk()) for _ in range(8 * size)]
        found = sorted((each.ids[:length] for each in words.encode_batch(texts, add_special_tokens=False)), key=len)
        together = [found[at : at + size] for at in range(0, len(found), size)]
        generator.shuffle(together)
        for part in together:
            batch = np.full((size, max(map(len, part))), pad, np.int16)
            for row, ids in zip(batch, part, strict=True):
                row[: len(ids)] = ids
            yield batch


def make(queue: Any, seed: str, words: str, length: int, most: int, size: int) -> None:
    """A process that makes batches without end."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    for batch in rows(Generator(seed, most), Tokenizer.from_str(words), length, size):
        whole = np.zeros((size, length), np.int16)  # always of one shape, for which a GPU's code is compiled
        whole[:, : batch.shape[1]] = batch
        queue.put(whole)


def batches(words: Any, arguments: argparse.Namespace) -> Iterator[Batch]:
    """The same from several processes, as they come."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(64)
    for number in range(arguments.makers):
        told = (queue, f"{arguments.seed}-{number}", words.to_str(), arguments.length, arguments.facts, arguments.batch)
        context.Process(target=make, args=told, daemon=True).start()
    while True:
        yield queue.get()


def answered(batch: Any) -> Any:
    """Where the next token is part of an answer, or its end. batch: int64 [rows, length] → bool [rows, length - 1]."""
    begun = (batch == ANSWER_ID).cumsum(1) - (batch == END_ID).cumsum(1)
    return begun[:, :-1] > 0


def evaluate(model: Any, words: Any, arguments: argparse.Namespace, device: str, count: int = 256) -> dict[str, float]:
    """On conversations that are not trained on: of the questions that a fact answers, for how many it is picked and how
    many are answered right to the last letter; and of the others how many are refused. Told by which token comes next,
    which is what is said where the likeliest is taken."""
    right = {"answers": [0, 0], "picked": [0, 0], "refusals": [0, 0]}
    none = words.token_to_id(NUMBERS[0])
    source = rows(Generator("held out", arguments.facts), words, arguments.length, 32)
    model.eval()
    for _ in range(count // 32):
        batch = torch.from_numpy(next(source)).long().to(device)
        with torch.no_grad():
            guessed = model(input_ids=batch).logits[:, :-1].argmax(2)
        good = ((guessed == batch[:, 1:]) | ~answered(batch)).tolist()
        for row, fine in zip(batch.tolist(), good, strict=True):
            for at, token in enumerate(row[:-1]):
                if token != ANSWER_ID or END_ID not in row[at:]:
                    continue
                whole = all(fine[at : row.index(END_ID, at)])
                known = {"answers": whole, "picked": fine[at]}
                for kind, well in known.items() if row[at + 1] != none else (("refusals", fine[at]),):
                    right[kind][0] += well
                    right[kind][1] += 1
    model.train()
    return {kind: round(good / max(1, of), 4) for kind, (good, of) in right.items()}


def optimizers_of(model: Any, rate: float, gpu: bool) -> list[Any]:
    """Muon for the matrices within the layers, AdamW for the rest."""
    inside = [each for name, each in model.named_parameters() if each.dim() == 2 and ".layers." in name]
    chosen = {id(each) for each in inside}
    rest = [each for each in model.parameters() if id(each) not in chosen]
    adam = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=gpu)
    return [Muon(inside, 10 * rate), adam]


def _settle(arguments: argparse.Namespace, gpu: bool) -> None:
    """What was left open, by what there is to compute with."""
    makers = max(1, (os.cpu_count() or 2) - 2)
    large, little = ("small", 384, 12, 256, makers), ("tiny", 200, 4, 16, 0)
    for name, value in zip(("size", "length", "facts", "batch", "makers"), large if gpu else little, strict=True):
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


def loss_of(model: Any, body: Any, batch: Any) -> Any:
    """How far it is from what is to be answered."""
    mask = answered(batch)
    logits = model.lm_head(body(input_ids=batch).last_hidden_state[:, :-1][mask]).float()
    each = torch.nn.functional.cross_entropy(logits, batch[:, 1:][mask], reduction="none")
    heavy = 1 + (PICK - 1) * (batch[:, :-1][mask] == ANSWER_ID)
    return (each * heavy).sum() / heavy.sum()


def train(arguments: argparse.Namespace) -> None:
    """Do it, as the command line of tools/model.py says."""
    gpu = torch.cuda.is_available()
    _settle(arguments, gpu)
    device = "cuda" if gpu else "cpu"
    torch.manual_seed(int(arguments.seed))
    torch.set_float32_matmul_precision("high")
    if not gpu:
        torch.set_num_threads(1)
    generator = Generator("words", arguments.facts)
    words = tokenizer(text_of(generator.talk()) for _ in range(8_000))
    model = net(arguments.size).to(device)
    body = torch.compile(model.model) if gpu else model.model
    optimizers = optimizers_of(model, arguments.rate, gpu)
    groups = [group for each in optimizers for group in each.param_groups]
    most = [group["lr"] for group in groups]
    weights = sum(each.numel() for each in model.parameters())
    print(f"{weights / 1e6:.2f} million weights, on {device}: {vars(arguments)}", flush=True)

    generator = Generator(f"{arguments.seed}-0", arguments.facts)
    alone = not arguments.makers
    source = rows(generator, words, arguments.length, arguments.batch) if alone else batches(words, arguments)
    history: list[dict[str, float]] = []
    step, tokens, limit, shown, started = 0, 0, arguments.minutes * 60, time.monotonic(), time.monotonic()
    while (elapsed := time.monotonic() - started) < limit:
        part = elapsed / limit
        generator.most = min(arguments.facts, 2 + int(part / EASY * (arguments.facts - 1)))  # begins with few
        share = min(1, (step + 1) / WARM_UP) * min(1.0, (1 - part) / FALLS)
        for group, rate in zip(groups, most, strict=True):
            group["lr"] = rate * share
        batch = torch.from_numpy(next(source)).to(device, non_blocking=True).long()
        with torch.autocast(device, torch.bfloat16, enabled=gpu):
            loss = loss_of(model, body, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step, tokens = step + 1, tokens + batch.numel()
        if time.monotonic() - shown > (20 if gpu else 60):
            shown = time.monotonic()
            found = evaluate(model, words, arguments, device, 64)
            history.append({"step": step, "tokens": tokens, "seconds": elapsed, "loss": loss.item(), **found})
            print(json.dumps(history[-1]), flush=True)
            save(arguments.out, model, words)
    took = time.monotonic() - started
    told = {
        "weights": weights,
        "seconds": round(took),
        "processor_seconds": round(time.process_time()),
        "steps": step,
        "million_tokens": round(tokens / 1e6, 1),
        "device": torch.cuda.get_device_name() if gpu else "one core",
        "held_out": evaluate(model, words, arguments, device, 1024),
        "options": {name: value for name, value in vars(arguments).items() if name not in ("out", "do")},
    }
    save(arguments.out, model, words)
    (arguments.out / "training.json").write_text(json.dumps({**told, "history": history}, indent=1) + "\n")
    print(json.dumps(told), flush=True)
