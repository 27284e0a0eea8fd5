"""exllamav2 and exllamav3 against a scripted stand-in of their interface (`stand_in_exllama.py`): not on a GPU, and not
against the libraries, which cannot be imported without CUDA's compiler."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from engine.config import load
from engine.contract import Ended, Exchange, Job, Rung, Tag
from engine.errors import BackendError
from tests.backends import stand_in_exllama as stand_in
from tests.backends.conformance_llm import LlmConformance, Subject
from tests.backends.llm_driver import Driver
from tests.models.llama import ENDLESS, SAID
from workers.backends.exllama import ExLlamaV2, ExLlamaV3
from workers.backends.registry import named, rung

TAG = Tag(1, 1, 1)
pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import, and builds the models
NAMES = ("exllamav2", "exllamav3")
Folder = Callable[..., Path]


def copied(model: Path, place: Path, says: str = SAID, name: str = "", **options: bool | int) -> Path:
    """The directory of a model that says something."""
    made = place / (name or f"model{len(list(place.iterdir()))}")
    shutil.copytree(model, made)
    stand_in.script(made, says, **options)  # type: ignore[arg-type]
    return made


@pytest.fixture
def folder(llama_directory: Path, tmp_path: Path) -> Folder:
    """folder(says, …) is the directory of a model."""
    return partial(copied, llama_directory, tmp_path)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in stand_in.modules().items():
        monkeypatch.setitem(sys.modules, name, module)


def settings(name: str, model: Path, *sets: str) -> Rung:
    """What the engine would load it with."""
    own = (f"llm.backend={name}", f"llm.{name}.model={model}", f"llm.{name}.context_tokens=2048")
    return rung("llm", load(sets=[*own, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))


def loaded(name: str, model: Path, *sets: str) -> tuple[Driver, stand_in.Generator]:
    driver = Driver(named("llm", name))
    driver.load(settings(name, model, *sets))
    return driver, stand_in.Generator.instances[-1]


class Contract(LlmConformance):
    """The suite that every language model passes."""

    backend: type[ExLlamaV2 | ExLlamaV3]

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, llama_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        place = tmp_path_factory.mktemp("models")
        folder = partial(copied, llama_directory, place)
        name, whole, endless = cls.backend.name, folder(), folder(ENDLESS, endless=True)
        empty, bare = folder(), folder()
        (empty / "model.safetensors").write_bytes(b"")
        (bare / "model.safetensors").unlink()
        broken = folder()
        (broken / "config.json").write_text("{}")
        short = folder(context=1024)

        def with_(*sets: str) -> Rung:
            return settings(name, whole, *(f"llm.{name}.{each}" for each in sets))

        return Subject(
            make=cls.backend,
            rung=settings(name, whole),
            question="how do you do",
            answer=SAID,
            long=settings(name, endless, "llm.max_tokens=1000"),
            other=settings(name, endless, "llm.max_tokens=20", f"llm.{name}.cache=q4"),
            broken={
                "not set": (with_("model="), f"llm.{name}.model is not set"),
                "not there": (with_(f"model={place / 'nowhere'}"), "there is no"),
                "no weights": (with_(f"model={bare}"), "has no *.safetensors"),
                "empty": (with_(f"model={empty}"), "is empty"),
                "not its format": (with_(f"model={broken}"), f"{name} cannot load it"),
                "too short": (with_(f"model={short}"), "has room for 1024; set it to 1024 or less"),
                "two ways to guess": (with_(f"draft_model={whole}", "ngram=true"), "do not go together"),
                "small cache": (with_("cache_tokens=1024"), "set cache_tokens to 2048 or more"),
                "no draft": (with_(f"draft_model={place / 'nowhere'}"), f"llm.{name}.draft_model: there is no"),
            },
        )


class TestContractV2(Contract):
    backend = ExLlamaV2


class TestContractV3(Contract):
    backend = ExLlamaV3


@pytest.mark.parametrize("name", NAMES)
def test_what_a_prompt_has_in_common_with_the_last_one_is_not_computed_again(name: str, folder: Folder) -> None:
    driver, generator = loaded(name, folder(), "llm.system_prompt=" + "Be brief. " * 60)
    past = [Exchange("a" * 200, "b" * 200)]
    for turn in (1, 2):
        driver.backend.begin(Job(Tag(1, turn, 1), text="and now", history=tuple(past)))
        driver.until_ended(Tag(1, turn, 1))
        past.append(Exchange("and now", SAID))
    system, first, second = generator.computed
    assert system > 600
    assert first < 600  # the system's text was there
    assert second < first  # and so was the first exchange


@pytest.mark.parametrize("name", NAMES)
def test_when_a_visitor_has_left_only_the_system_prompt_is_known(name: str, folder: Folder) -> None:
    driver, generator = loaded(name, folder(), "llm.system_prompt=" + "Be brief. " * 60)
    known = set(generator.pages)
    driver.backend.begin(Job(TAG, text="my secret " * 60))
    driver.until_ended(TAG)
    assert generator.pages > known
    driver.backend.forget(1)
    assert generator.pages == known


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_wrong_when_a_visitor_has_left_is_not_the_workers_end(name: str, folder: Folder) -> None:
    driver, generator = loaded(name, folder())
    driver.ask("hello", TAG)
    generator.broken = "CUDA out of memory."
    driver.backend.forget(1)
    generator.broken = ""
    assert generator.num_remaining_jobs() == 0
    assert driver.ask("hello", Tag(2, 1, 1)) == SAID


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_was_cancelled_when_it_had_ended_can_be_used_again(name: str, folder: Folder) -> None:
    driver, _ = loaded(name, folder())
    driver.ask("hello", TAG)
    driver.backend.cancel(TAG)
    driver.events.clear()
    assert driver.ask("hello", TAG) == SAID


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_cancelled_between_two_pieces_of_a_prompt(name: str, folder: Folder) -> None:
    driver, generator = loaded(name, folder(), f"llm.{name}.prefill_tokens=256", "llm.system_prompt=Hi.")
    driver.backend.begin(Job(TAG, text="x" * 1500))
    driver.backend.step(0)
    assert 0 < generator.active[0].prefilled < 1500
    driver.backend.cancel(TAG)
    assert driver.backend.step(0) == [Ended(TAG, "cancelled")]
    assert generator.num_remaining_jobs() == 0


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_wrong_in_the_gpu_ends_the_answers_and_the_next_one_is_whole(name: str, folder: Folder) -> None:
    driver, generator = loaded(name, folder())
    tags = [Tag(1, 1, 1), Tag(1, 1, 2)]
    for tag in tags:
        driver.backend.begin(Job(tag, text="hello"))
    generator.broken = "CUDA out of memory.\nTried to allocate"
    assert driver.backend.step(0) == [Ended(tag, "failed", "CUDA out of memory.") for tag in tags]
    generator.broken = ""
    assert driver.ask("hello", Tag(1, 1, 3)) == SAID


@pytest.mark.parametrize("name", NAMES)
def test_a_draft_or_the_words_so_far_may_guess_ahead(name: str, folder: Folder) -> None:
    whole = folder()
    _, plain = loaded(name, whole)
    _, draft = loaded(name, whole, f"llm.{name}.draft_model={folder()}", f"llm.{name}.draft_tokens=3")
    _, ngram = loaded(name, whole, f"llm.{name}.ngram=true")
    assert (plain.draft, bool(draft.draft), ngram.draft, draft.num_draft_tokens) == (False, True, True, 3)


@pytest.mark.parametrize("name", NAMES)
def test_how_it_chooses_words_changes_without_loading_it_again(name: str, folder: Folder) -> None:
    model = folder()
    driver, generator = loaded(name, model)
    driver.load(settings(name, model, f"llm.{name}.temperature=0.0", "llm.max_tokens=5"))
    assert driver.ask("hello", TAG) == SAID[:5]
    assert stand_in.Generator.instances[-1] is generator
    chosen = generator.jobs[-1].settings
    assert chosen["top_k"] == 1 if name == "exllamav2" else chosen["temperature"] == 0


def test_without_flash_attention_it_answers_one_at_a_time_and_says_so(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "exllamav2.attn", stand_in.modules(paged=False)["exllamav2.attn"])
    driver, generator = loaded("exllamav2", folder())
    assert generator.at_once == 1
    (remark,) = driver.backend.remarks
    assert "flash-attn" in remark
    tags = [Tag(1, 1, 1), Tag(1, 1, 2)]
    for tag in tags:
        driver.backend.begin(Job(tag, text="hello"))
    driver.until_ended(*tags)
    assert [driver.text(tag) for tag in tags] == [SAID, SAID]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_gpu_it_says_so(name: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", stand_in.modules(gpu=False)["torch"])
    with pytest.raises(BackendError, match="there is no NVIDIA GPU that torch can use; check `nvidia-smi`"):
        loaded(name, folder())


@pytest.mark.parametrize("name", NAMES)
def test_without_the_library_the_remedy_names_the_extra_and_the_toolkit(
    name: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendError, match=rf'pip install "antiphon\[{name}\]" and the CUDA toolkit \(nvcc\)'):
        loaded(name, folder())
