"""The small model's tokenizer and net: byte-level BPE, and a Llama of a few million weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from partner_model.generate import Talk

PAD, END, SYSTEM, USER, ANSWER = "<pad>", "<end>", "<system>", "<user>", "<answer>"
MOST = 12
"""Facts that have a token for their number; 0 is none of them."""
NUMBERS = tuple(f"<{number}>" for number in range(MOST + 1))
SPECIAL = (PAD, END, SYSTEM, USER, ANSWER, *NUMBERS)
VOCABULARY = 2048
CONTEXT = 1024
"""Tokens that it may ever be told."""
SIZES = {"tiny": (128, 192, 4, 4), "small": (256, 672, 6, 8), "medium": (320, 832, 8, 8)}
"""Width, width within the feed-forward part, layers, heads."""
TEMPLATE = (
    "{% for each in messages %}{% if each.role == 'assistant' %}<answer>{{ each.content }}<end>"
    "{% elif each.role == 'system' %}<system>{{ each.content.split('\n- ')[0] }}"
    "{% for fact in each.content.split('\n- ')[1:] %}"
    "<{{ [loop.index, 12]|min }}>{{ fact }}{% endfor %}"
    "{% else %}<user>{{ each.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<answer>{% endif %}"
)
"""Facts are the lines of the system's text that begin with "- "; what stands before them it was not trained on."""


def text_of(talk: Talk) -> str:
    """A conversation as the chat template writes it down; which fact answers stands before each answer."""
    facts = "".join(f"<{number}>{fact}" for number, fact in enumerate(talk.facts, 1))
    turns = "".join(f"{USER}{asked}{ANSWER}<{number}>{answer}{END}" for asked, number, answer in talk.turns)
    return f"{SYSTEM}{facts}{turns}"


def tokenizer(texts: Iterable[str]) -> Any:
    """Byte-level BPE that is trained on these texts: whatever somebody says, it has tokens for it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            # A number's digits each by themselves: they are copied, not known by heart.
            pre_tokenizers.Split(Regex(r"\d| ?[^\s\d]+|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
        ),
    )
    return made


def net(size: str) -> Any:
    """A Llama with weights by chance."""
    from transformers import LlamaConfig, LlamaForCausalLM

    width, inner, layers, heads = SIZES[size]
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=1,
            use_cache=False,
        )
    )


def save(folder: Path, model: Any, words: Any) -> None:
    """As Hugging Face lays a model out, for the converter."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    words.save(str(folder / "tokenizer.json"))
    describe(folder)


def describe(folder: Path) -> None:
    """What is to be known of its tokenizer: how a conversation is written down, and the tokens with a meaning."""
    told = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": TEMPLATE,
        "bos_token": SYSTEM,
        "eos_token": END,
        "unk_token": PAD,
        "pad_token": PAD,
        "model_max_length": CONTEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told, indent=1) + "\n")
