"""Chat templates out of a model's own files: rendered as transformers does, and shut in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BackendError
from tests.models import llama
from workers.backends.chat_template import ChatTemplate, Message

pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import
TALK: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello <you> & all."},
    {"role": "assistant", "content": "Good day."},
    {"role": "user", "content": "Größe?"},
]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STRICT = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('roles must alternate') }}
    {%- endif %}
    {{- '<start_of_turn>' + message['role'] + '\n' + message['content'] | trim + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""
RICH = (
    "{% set ns = namespace(first=true) %}{% for message in messages %}{% if message.role == 'tool' %}{% continue %}"
    "{% endif %}{% generation %}[{{ message | tojson }}]{% endgeneration %}{% set ns.first = false %}{% endfor %}"
    "{{ strftime_now('%%') }}{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
)


def folder(path: Path, template: Any = None, file: str = "") -> Path:
    config = {"bos_token": {"content": "<bos>"}, "eos_token": "<eos>"}
    config |= {} if template is None else {"chat_template": template}
    (path / "tokenizer_config.json").write_text(json.dumps(config))
    if file:
        (path / "chat_template.jinja").write_text(file)
    return path


def rendered(path: Path) -> str:
    return ChatTemplate(path, "llm.backend x", "x").render(TALK)


def test_it_renders_what_transformers_renders(llama_tokenizer: Path) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(llama_tokenizer)
    expected = theirs.apply_chat_template(TALK, tokenize=False, add_generation_prompt=True)
    assert rendered(llama_tokenizer) == expected
    assert expected.startswith(llama.BOS)


@pytest.mark.parametrize("template", [CHATML, RICH], ids=["chatml", "rich"])
def test_it_renders_other_templates_as_transformers_does(template: str, llama_tokenizer: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(llama_tokenizer)
    expected = theirs.apply_chat_template(
        TALK, chat_template=template, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    assert rendered(folder(tmp_path, template)) == expected


def test_a_file_of_its_own_counts_more_than_the_configuration(tmp_path: Path) -> None:
    assert rendered(folder(tmp_path, "wrong", CHATML)).startswith("<|im_start|>system\nBe brief.<|im_end|>\n")


def test_of_several_templates_the_default_one_counts(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "wrong"}, {"name": "default", "template": CHATML}]
    assert "wrong" not in rendered(folder(tmp_path, named))


def test_without_a_system_role_its_text_comes_with_the_first_question(tmp_path: Path) -> None:
    assert rendered(folder(tmp_path, STRICT)).startswith(
        "<bos><start_of_turn>user\nBe brief.\n\nHello <you> & all.<end_of_turn>\n"
    )


def test_a_template_that_leaves_the_system_out_without_a_word_gets_it_with_the_first_question(tmp_path: Path) -> None:
    silent = "{% for m in messages %}{% if m.role != 'system' %}[{{ m.content }}]{% endif %}{% endfor %}"
    assert rendered(folder(tmp_path, silent)).startswith("[Be brief.\n\nHello <you> & all.]")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (None, "has no chat template"),
        ([{"name": "tool_use", "template": "x"}], "has no chat template"),
        ("{% if %}", "does not work"),
        ("{{ raise_exception('not for you') }}", "not for you"),
        ("{{ messages.__class__.__mro__ }}", "unsafe"),
        ("{% for x in range(10**9) %}{% endfor %}", "does not work"),
        ("{{ messages.append(1) }}", "unsafe"),
    ],
)
def test_what_is_missing_broken_or_dangerous_is_told(template: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=says):
        rendered(folder(tmp_path, template))
