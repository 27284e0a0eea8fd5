"""sherpa-onnx's streaming transducers, on a tiny one with random weights in the files and layout of real ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.contract import UNKNOWN, Ended, Event, Heard, Job, Pcm, Rung, Tag
from engine.errors import BackendError
from tests.backends.conformance import Subject
from tests.backends.conformance_asr import RecogniserConformance, heard
from tests.backends.conformance_gpu import Gpu
from tests.engine_run import question, silence
from tests.models import transducer
from workers.backends.onnx_file import metadata
from workers.backends.sherpa import ENDPOINT, Sherpa
from workers.backends.sherpa_model import ENCODERS, find

pytest.importorskip("sherpa_onnx")
EXTRA = 'pip install "antiphon[sherpa]"'
NAMES = [f"{part}-epoch-1-avg-1.onnx" for part in ("encoder", "decoder", "joiner")]


@pytest.fixture(scope="session")
def model(transducer: Path) -> Path:
    return transducer


def rung(folder: Path, expected: tuple[str, ...] = (), **settings: object) -> Rung:
    return Rung({"model": str(folder), **settings}, expected=expected)


def spoilt(folder: Path, copy: Path, name: str, spoil: Callable[[Path], object]) -> Path:
    """A copy of a model of which one file is spoilt."""
    shutil.copytree(folder, copy)
    spoil(copy / name)
    return copy


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def said(path: Path, **changes: str | None) -> None:
    """Change a model's metadata."""
    import onnx

    loaded = onnx.load(path)
    pairs = {each.key: each.value for each in loaded.metadata_props} | changes
    onnx.helper.set_model_props(loaded, {key: value for key, value in pairs.items() if value is not None})
    onnx.save(loaded, path)


class TestGreedy(RecogniserConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        place = tmp_path_factory.mktemp("broken")
        encoder, decoder, joiner = NAMES

        def with_spoilt(name: str, spoil: Callable[[Path], object]) -> Rung:
            return rung(spoilt(model, place / str(len(list(place.iterdir()))), name, spoil))

        broken = {
            "no model": (Rung({"model": ""}), "asr.sherpa.model"),
            "no directory": (rung(place / "nowhere"), "there is no directory"),
            "no tokens": (with_spoilt("tokens.txt", Path.unlink), "has no tokens.txt"),
            "no encoder": (with_spoilt(encoder, Path.unlink), "has no encoder*.onnx"),
            "no joiner": (with_spoilt(joiner, Path.unlink), "has no joiner*.onnx"),
            "encoder cut short": (with_spoilt(encoder, cut), "a part of one"),
            "decoder empty": (with_spoilt(decoder, lambda path: path.write_bytes(b"")), "there is no graph"),
            "joiner no model": (with_spoilt(joiner, lambda path: path.write_text("joiner\n")), "is no ONNX model"),
            "no model type": (with_spoilt(encoder, lambda path: said(path, model_type=None)), "model_type is ''"),
            "not streaming": (with_spoilt(encoder, lambda path: said(path, model_type="zipformer2_ctc")), "not one of"),
            "no T": (with_spoilt(encoder, lambda path: said(path, T=None)), "have no T"),
            "odd T": (with_spoilt(encoder, lambda path: said(path, T="many")), "T is 'many'"),
            "no context size": (with_spoilt(decoder, lambda path: said(path, context_size=None)), "context_size"),
            "too few tokens": (
                with_spoilt("tokens.txt", lambda path: path.write_text("<blk> 0\nA 1\n", encoding="utf-8")),
                "has 2 tokens",
            ),
            "tokens without numbers": (
                with_spoilt("tokens.txt", lambda path: path.write_text("<blk>\nA\n", encoding="utf-8")),
                "no token and number",
            ),
            "wrong sizes": (with_spoilt(encoder, lambda path: said(path, d_model="7")), "does not run"),
            "two encoders": (
                with_spoilt(encoder, lambda path: shutil.copy(path, path.with_name("encoder-epoch-2.onnx"))),
                "has several",
            ),
        }
        other = rung(model, decoding="modified_beam_search", expected=("what time is it",), endpoint_s=0.3)
        return Subject(
            Sherpa,
            rung(model),
            other=other,
            broken=broken,
            library=("sherpa_onnx", EXTRA),
            gpu=Gpu(lambda required: rung(model, device="cuda", require_device=required)),
        )


class TestBeams(RecogniserConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, model: Path) -> Subject:
        return Subject(Sherpa, rung(model, ("what time is it", "the lift"), decoding="modified_beam_search"))


def hear(backend: Sherpa, sound: Pcm, job: Job | None = None) -> list[Heard]:
    job = job or Job(Tag(1))
    driven = list(backend.step(0))
    backend.begin(job)
    for start in range(0, len(sound), 960):
        backend.feed(job, sound[start : start + 960])
        while not backend.idle:
            driven += backend.step(0)
    backend.finish(job)
    while not backend.idle:
        driven += backend.step(0)
    assert driven[-1] == Ended(job.tag)
    return heard(driven)


@pytest.fixture(scope="module")
def greedy(model: Path) -> Sherpa:
    backend = Sherpa()
    backend.load(rung(model))
    backend.warm_up()
    return backend


def test_words_come_while_the_user_speaks(greedy: Sherpa) -> None:
    *partial, final = hear(greedy, question())
    assert len({each.text for each in partial}) > 5
    assert final.text.startswith(partial[0].text)
    assert 0 < partial[0].upto < len(question()) // 4


def test_silence_is_no_words(greedy: Sherpa) -> None:
    (final,) = hear(greedy, silence(1.5))
    assert (final.text, final.confidence) == ("", 0.0)


def test_a_model_that_writes_capitals_alone_is_put_in_small_letters(greedy: Sherpa) -> None:
    final = hear(greedy, question())[-1]
    assert final.text == final.text.lower()


def test_a_step_without_budget_decodes_one_piece(greedy: Sherpa) -> None:
    job = Job(Tag(1))
    greedy.begin(job)
    greedy.feed(job, question())
    found = heard(list(greedy.step(0)))
    assert [each.upto for each in found] in ([], [transducer.CHUNK * 160])
    assert not greedy.idle
    greedy.cancel(job.tag)
    assert list(greedy.step(0))[-1] == Ended(job.tag, "cancelled")


def test_the_silence_that_is_put_in_at_a_pause_does_not_count_as_sound(greedy: Sherpa) -> None:
    job, sound = Job(Tag(1)), question()
    half = len(sound) // 2
    greedy.begin(job)
    events: list[Event] = []
    for start, stop in ((0, half), (half, len(sound))):
        greedy.feed(job, sound[start:stop])
        events += greedy.step(10**12)
        greedy.pause(job, stop)
        events += greedy.step(10**12)
        assert heard(events)[-1].upto == stop
        greedy.pause(job, 0)
    assert all(a.upto <= b.upto for a, b in zip(heard(events), heard(events)[1:], strict=False))
    greedy.finish(job)
    events = list(greedy.step(10**12))
    assert heard(events)[-1].upto == len(sound)


def test_all_the_words_are_there_at_the_pause_and_finish_adds_none(greedy: Sherpa) -> None:
    job = Job(Tag(1))
    greedy.begin(job)
    greedy.feed(job, question())
    greedy.step(10**12)
    greedy.pause(job, len(question()))
    (*_, last) = heard(list(greedy.step(10**12)))
    greedy.feed(job, silence(0.1))
    assert heard(list(greedy.step(10**12))) == []
    greedy.finish(job)
    final, ended = greedy.step(0)
    assert isinstance(final, Heard)
    assert (final.text, final.upto) == (last.text, len(question()) + 1600)
    assert ended == Ended(job.tag)


def test_its_own_endpoint_is_a_sign_that_the_words_are_all_once_it_was_real_sound(model: Path) -> None:
    backend = Sherpa()
    backend.load(rung(model, endpoint_s=0.3))
    sound = question()[:20000]
    assert {each.complete for each in hear(backend, sound)} == {UNKNOWN}  # the silence at its end is ours
    found = hear(backend, np.concatenate([sound, silence(0.8)]))
    assert [found[0].complete, found[-1].complete] == [UNKNOWN, ENDPOINT]
    backend.load(rung(model, endpoint_s=0.0))
    assert {each.complete for each in hear(backend, np.concatenate([sound, silence(0.8)]))} == {UNKNOWN}


def test_expected_phrases_are_leant_towards_where_the_model_can(model: Path) -> None:
    texts = []
    for expected in ((), ("what", "what what")):
        backend = Sherpa()
        backend.load(rung(model, expected, decoding="modified_beam_search", hotwords_score=10.0))
        assert backend.remarks == ()
        texts.append(hear(backend, question())[-1].text)
    assert texts[1].count("what") > texts[0].count("what")


@pytest.mark.parametrize(
    ("settings", "expected", "says"),
    [
        ({}, ("the lift",), "modified_beam_search"),
        ({"decoding": "modified_beam_search"}, ("über uns", "the lift"), "über uns"),
        ({}, (), ""),
    ],
)
def test_what_its_owner_should_know_is_a_remark(
    model: Path, settings: dict[str, object], expected: tuple[str, ...], says: str
) -> None:
    backend = Sherpa()
    backend.load(rung(model, expected, **settings))
    assert len(backend.remarks) == bool(says)
    assert says in "".join(backend.remarks)
    hear(backend, silence(0.1))


def test_without_a_bpe_vocabulary_it_leans_towards_nothing_and_says_so(model: Path, tmp_path: Path) -> None:
    backend = Sherpa()
    folder = spoilt(model, tmp_path / "m", "bpe.vocab", Path.unlink)
    backend.load(rung(folder, ("the lift",), decoding="modified_beam_search"))
    assert "bpe.vocab" in backend.remarks[0]
    hear(backend, question())


@pytest.mark.parametrize("int8", [True, False])
def test_of_two_files_of_a_kind_the_wanted_one_is_taken(model: Path, tmp_path: Path, int8: bool) -> None:
    folder = spoilt(model, tmp_path / "m", NAMES[0], lambda path: shutil.copy(path, path.with_suffix(".int8.onnx")))
    assert (".int8." in find(folder, int8).encoder.name) is int8


def test_the_library_itself_would_end_the_process(model: Path, tmp_path: Path) -> None:
    """Why we look into its files first."""
    folder = spoilt(model, tmp_path / "m", NAMES[0], lambda path: said(path, T=None))
    code = f"""
import sherpa_onnx
paths = {{n: r"{folder}/" + n + "-epoch-1-avg-1.onnx" for n in ("encoder", "decoder", "joiner")}}
try:
    sherpa_onnx.OnlineRecognizer.from_transducer(tokens=r"{folder}/tokens.txt", model_type="lstm", **paths)
except BaseException:
    print("an exception")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "an exception" not in ended.stdout


def test_metadata_are_read_without_a_runtime(model: Path) -> None:
    import onnx

    for name in NAMES:
        props = onnx.load(model / name).metadata_props
        assert metadata(model / name, "") == {each.key: each.value for each in props}


@pytest.mark.parametrize("size", range(0, 400, 7))
def test_a_model_cut_anywhere_is_none(model: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "cut.onnx"
    whole = (model / NAMES[1]).read_bytes()
    path.write_bytes(whole[: len(whole) * size // 400])
    with pytest.raises(BackendError):
        metadata(path, "fetch it again")


def test_every_kind_of_encoder_that_is_known_says_how_much_it_decodes_at_a_time() -> None:
    assert all({"T", "decode_chunk_len"} <= set(keys.split()) for keys in ENCODERS.values())


def test_a_build_without_cuda_is_told_with_what_has_it(model: Path) -> None:
    with pytest.raises(BackendError) as caught:
        Sherpa().load(rung(model, device="cuda"))
    assert "cuda.html" in caught.value.remedy
