"""Language models on CTranslate2: the whole contract on a tiny Llama, and what is CTranslate2's own."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.config import load
from engine.contract import Ended, Exchange, Job, Rung, Tag
from engine.errors import BackendError
from tests.backends.conformance_gpu import Gpu
from tests.backends.conformance_llm import LlmConformance, Subject
from tests.backends.llm_driver import Driver
from tests.leases import Recorded
from tests.models import llama
from workers.backends.ct2_generator import Ct2Generator
from workers.backends.registry import rung

TAG = Tag(1, 1, 1)
pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import, and builds the models


def settings(model: Path, *sets: str) -> Rung:
    """What the engine would load it with; greedy, so that it says the same each time."""
    own = ("llm.backend=ctranslate2", f"llm.ctranslate2.model={model}", "llm.ctranslate2.temperature=0.0")
    fixed = ("llm.ctranslate2.device=cpu", "llm.ctranslate2.context_tokens=1024", "llm.max_tokens=500")
    # With facts in it, it would fill so small a model.
    short = ("llm.system_prompt=You are the voice of a museum. Answer in {language}, in a sentence or two.",)
    return rung("llm", load(sets=[*own, *fixed, *short, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))


def spoilt(model: Path, place: Path, name: str, without: str = "", **files: bytes) -> Path:
    """A copy of the model with a file missing or another in its place."""
    folder = Path(shutil.copytree(model, place / name))
    if without:
        (folder / without).unlink()
    for file, content in files.items():
        (folder / file.replace("__", ".")).write_bytes(content)
    return folder


class TestContract(LlmConformance):
    """The suite that every language model passes."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, llama_ct2: Path, llama_ct2_endless: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        place = tmp_path_factory.mktemp("spoilt")
        copy = partial(spoilt, llama_ct2, place)
        whole = (llama_ct2 / "model.bin").read_bytes()
        config = json.loads((llama_ct2 / "tokenizer_config.json").read_text())
        bare = json.dumps({key: value for key, value in config.items() if key != "chat_template"}).encode()
        wrong = json.dumps(config | {"chat_template": "{{ nothing.there.at.all }}"}).encode()
        broken = {
            "not set": ("", "llm.ctranslate2.model is not set"),
            "not there": (place / "nowhere", "there is no"),
            "no folder": (llama_ct2 / "model.bin", "is no directory"),
            "no weights": (copy("a", without="model.bin"), "has no model.bin"),
            "no tokenizer": (copy("b", without="tokenizer.json"), "has no tokenizer.json"),
            "no vocabulary": (copy("c", without="vocabulary.json"), "has no vocabulary.json or vocabulary.txt"),
            "truncated": (copy("d", model__bin=whole[: len(whole) // 2]), "CTranslate2 cannot load"),
            "empty": (copy("e", model__bin=b""), "is empty"),
            "not weights": (copy("f", model__bin=b"hello" * 99), "CTranslate2 cannot load"),
            "no template": (copy("g", tokenizer_config__json=bare), "has no chat template"),
            "broken template": (copy("h", tokenizer_config__json=wrong), "chat template does not work"),
            "broken tokenizer": (copy("i", tokenizer__json=b"{}"), "is no tokenizer"),
            "broken JSON": (copy("j", tokenizer_config__json=b"{"), "cannot be read"),
        }
        return Subject(
            make=Ct2Generator,
            rung=settings(llama_ct2),
            question="how do you do",
            answer=llama.SAID,
            long=settings(llama_ct2_endless),
            other=settings(llama_ct2_endless, "llm.max_tokens=20"),
            broken={
                name: (settings(llama_ct2, f"llm.ctranslate2.model={path}"), says)
                for name, (path, says) in broken.items()
            },
            gpu=Gpu(
                lambda required: settings(
                    llama_ct2, "llm.ctranslate2.device=cuda", f"llm.ctranslate2.require_device={str(required).lower()}"
                ),
                lambda patch: patch.setattr("ctranslate2.get_cuda_device_count", lambda: 0),
                (Ct2Generator, "_generate"),
            ),
        )


@pytest.fixture
def driver(llama_ct2: Path) -> Driver:
    made = Driver(Ct2Generator())
    made.load(settings(llama_ct2))
    return made


def test_its_thread_has_the_lease_and_makes_way_at_each_token(llama_ct2: Path) -> None:
    lease, made = Recorded(), Driver(Ct2Generator())
    made.load(replace(settings(llama_ct2), lease=lease))
    assert made.backend.abilities.own_thread  # so the worker does not take it
    assert lease.calls == []
    job = Job(TAG, deadline_ns=77, text="how do you do")
    made.backend.begin(job)
    made.until_ended(TAG)
    assert lease.calls[0] == "take"
    assert set(lease.calls[1:-1]) == {"turn"}
    assert len(lease.calls) - 2 >= len(llama.SAID.encode()) - 1
    assert lease.calls[-1] == "give"
    assert {due for call, due in lease.asked if call == "turn"} == {77}  # it has no clause's end before its own


class Spy:
    """Stands before a generator and notes what it is asked."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator
        self.calls: list[dict[str, Any]] = []

    def generate_batch(self, prompts: list[list[str]], **options: Any) -> Any:
        self.calls.append({"prompt": prompts[0], **options})
        return self._generator.generate_batch(prompts, **options)

    @property
    def prompt(self) -> str:
        """The newest prompt as text."""
        bytes_of = {symbol: byte for byte, symbol in llama.byte_symbols().items()}
        tokens = [*(self.calls[-1]["static_prompt"] or ()), *self.calls[-1]["prompt"]]
        parts = [token.encode() if token in llama.SPECIAL else bytes([bytes_of[token]]) for token in tokens]
        return b"".join(parts).decode()


def spied(driver: Driver) -> Spy:
    backend: Any = driver.backend
    backend._placed.model = Spy(backend._placed.model)
    spy: Spy = backend._placed.model
    return spy


def test_the_prompt_is_written_by_the_models_own_template(driver: Driver) -> None:
    spy = spied(driver)
    job = Job(TAG, text="And now?", history=(Exchange("Hi.", "Hello."),), context=("It rains.",), language="de")
    driver.backend.begin(job)
    driver.until_ended(TAG)
    head = "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nYou are the voice of a museum"
    assert spy.prompt.startswith(head)
    assert "Answer in German," in spy.prompt
    assert spy.prompt.endswith(
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi.<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n[What you know at present:\n- It rains.\n]\nAnd now?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_the_system_prompt_is_computed_once_and_nothing_a_visitor_said_is_kept(driver: Driver) -> None:
    spy = spied(driver)
    for turn, text in enumerate(("one", "two", "three"), 1):
        driver.backend.begin(Job(Tag(1, turn, 1), text=text, history=(Exchange("my secret", "heard"),)))
        driver.until_ended(Tag(1, turn, 1))
    static = {tuple(call["static_prompt"]) for call in spy.calls}
    assert len(static) == 1
    assert "secret" not in "".join(static.pop())
    assert all(call["prompt"] for call in spy.calls)


def test_of_a_long_conversation_the_oldest_exchanges_are_left_out(driver: Driver) -> None:
    spy = spied(driver)
    past = tuple(Exchange(f"question {number:02d}", "x" * 50) for number in range(40))
    driver.backend.begin(Job(TAG, text="and now", history=past))
    driver.until_ended(TAG)
    kept = [number for number in range(40) if f"question {number:02d}" in spy.prompt]
    assert kept
    assert kept == list(range(kept[0], 40))
    tokens = len(spy.calls[-1]["prompt"]) + len(spy.calls[-1]["static_prompt"])
    assert 1024 - 500 - 150 < tokens <= 1024 - 500


def test_an_answer_is_no_longer_than_its_most_tokens(llama_ct2_endless: Path) -> None:
    driver = Driver(Ct2Generator())
    driver.load(settings(llama_ct2_endless, "llm.max_tokens=11"))
    said = driver.ask("go", TAG)
    assert said == (llama.ENDLESS * 3).encode()[:11].decode(errors="ignore")


def test_a_character_that_the_last_token_begins_is_not_said(llama_ct2_endless: Path) -> None:
    driver = Driver(Ct2Generator())
    cut = len(b"Ask m") + 1
    driver.load(settings(llama_ct2_endless, f"llm.max_tokens={cut}"))
    assert driver.ask("go", TAG) == "Ask m"


def test_other_light_settings_do_not_load_the_model_again(driver: Driver, llama_ct2: Path) -> None:
    backend: Any = driver.backend
    before = backend._placed.model
    driver.load(settings(llama_ct2, "llm.ctranslate2.top_k=5", "llm.max_tokens=100", "llm.system_prompt=Hi."))
    assert backend._placed.model is before
    driver.load(settings(llama_ct2, "llm.ctranslate2.compute_type=float32"))
    assert backend._placed.model is not before


def test_a_model_that_fails_while_it_answers_fails_that_answer_alone(driver: Driver) -> None:
    backend: Any = driver.backend
    good = backend._placed.model

    class Broken:
        def generate_batch(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("CUDA failed with error out of memory\nat line 7")

    backend._placed.model = Broken()
    backend.begin(Job(TAG, text="a"))
    driver.until_ended(TAG)
    assert driver.events == [Ended(TAG, "failed", "CUDA failed with error out of memory")]
    backend._placed.model = good
    assert driver.ask("a", Tag(1, 1, 2)) == llama.SAID


@pytest.mark.parametrize("package", ["ctranslate2", "tokenizers", "jinja2"])
def test_without_its_packages_the_remedy_names_the_extra(
    package: str, llama_ct2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BackendError, match=rf'{package}.*pip install "antiphon\[ctranslate2\]"'):
        Ct2Generator().load(settings(llama_ct2))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("llm.ctranslate2.compute_type=bfloat16", "compute_type bfloat16 is not for cpu here; choose from"),
        ("llm.ctranslate2.context_tokens=4096", "has room for 2048; set it to 2048 or less"),
        ("llm.ctranslate2.context_tokens=520", "leaves no room for a question"),
    ],
)
def test_settings_that_the_model_cannot_have_are_told(setting: str, says: str, llama_ct2: Path) -> None:
    import ctranslate2

    if setting.rpartition("=")[2] in ctranslate2.get_supported_compute_types("cpu"):
        pytest.skip("this processor can")
    with pytest.raises(BackendError, match=says):
        Ct2Generator().load(settings(llama_ct2, setting))
