"""A language model that hears the question itself: Mistral's Voxtral by transformers (both Apache-2.0).

Experimental: no stage of the engine drives it yet. Not run with real weights, and not on a GPU.

Sound is fed while the user speaks; meanwhile the conversation so far is taken in, where the visitor's cache does not
have it already. With `finish` the sound is encoded in one call, taken in by pieces, and answered a token a step. In the
cache a question's sound is 375 tokens for every 30 s begun, and nothing may change there without computing anew what
follows. So once the answer has been heard, `settle` has the next steps crop the cache to where the sound began, and
take in a placeholder and as much of the answer as was heard: that is done by the time of the next question. The history
that comes with each job is the truth: whatever the cache has from where it is something else is dropped.

Jobs may be open at once, of several visitors; they are answered one after the other, in the order they were begun.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from engine.contract import Abilities, Ended, Event, Exchange, Job, Pcm, Rung, Tag, Token
from engine.errors import BackendError, first_line
from workers.backends.conversation import system_text
from workers.backends.defaults import settings_of
from workers.backends.detokeniser import Detokeniser
from workers.backends.log_mel import HOP, RATE, LogMel
from workers.backends.model_files import directory
from workers.backends.tekken import Tekken
from workers.backends.torch_library import remedy_of, torch_on
from workers.backends.voxtral_memory import HEARD, Memories
from workers.backends.voxtral_model import EXTRA, NEEDED, REMEDY, SETTING, VoxtralModel, audio_tokens
from workers.backends.voxtral_prompt import Prompts
from workers.backends.voxtral_settings import Settings
from workers.backends.voxtral_turn import Turn

TRIAL = Tag(-1)


class Voxtral:
    """Its settings are `Settings`."""

    abilities = Abilities(checkpoint="token", incremental=False, cache="prefix", rate=RATE)

    def __init__(self) -> None:
        self._model: VoxtralModel | None = None
        self._identity: tuple[Any, ...] = ()
        self._turns: dict[Tag, Turn] = {}
        self._refused: list[Event] = []
        self._current: Turn | None = None
        """The one that is being answered: it has the cache of its session to itself."""
        self._memories: Memories | None = None
        self._newest: dict[int, Job] = {}
        """The one of each session that was answered last, with as much of its history as fitted."""
        self._cost_ns = 0
        self._remarks: tuple[str, ...] = ()

    def load(self, rung: Rung) -> None:
        chosen = settings_of(Settings, rung.settings, "voxtral")
        if rung.rate != RATE:
            raise BackendError(
                f"voxtral hears {RATE} samples a second, not {rung.rate}", f"set audio.rate_hz to {RATE}"
            )
        folder = directory(chosen.model, "voxtral.model", NEEDED, REMEDY)
        identity = (folder, chosen.device, chosen.require_device, chosen.dtype, rung.threads)
        if identity != self._identity:
            self.unload()
            self._tokens = Tekken(folder, SETTING, EXTRA)
            torch = torch_on(chosen.device, chosen.require_device, chosen.dtype, rung.threads, SETTING, EXTRA)
            model = VoxtralModel(folder, torch)
            if self._tokens.size > model.vocabulary:
                known = f"{self._tokens.size} tokens, and the model knows {model.vocabulary}"
                raise BackendError(f"{folder}: its tekken.json has {known}", REMEDY)
            self._model, self._memories = model, Memories(model, chosen.prefill_tokens)
            self._remarks, self._identity = torch.remarks, identity
        assert self._memories is not None
        self._memories.piece = chosen.prefill_tokens
        self._chosen, self._language = chosen, rung.language
        self._prompts = Prompts(self._tokens, chosen.placeholder)
        self._check_context()

    def _check_context(self) -> None:
        assert self._model is not None
        asked, limit = self._chosen.context_tokens, self._model.limit
        if asked > limit:
            what = f"voxtral.context_tokens is {asked}, and {self._chosen.model} has room for {limit}"
            raise BackendError(what, f"set it to {limit} or less")
        if len(self._before(self._language, ())) > self._room(()):
            what = f"voxtral.context_tokens {asked} has no room for the prompt, {self._chosen.longest_s} s of sound"
            raise BackendError(f"{what} and an answer", "give it more, or shorten what it has to hold")

    def warm_up(self) -> None:
        """Hear half a second of silence and answer it with one or two tokens."""
        job = Job(TRIAL, language=self._language)
        self.begin(job)
        self.feed(job, np.zeros(RATE // 2, np.int16))
        self.finish(job)
        events: list[Event] = []
        while not any(isinstance(event, Token | Ended) for event in events):
            events += self.step(0)
        self.cancel(TRIAL)
        while not any(isinstance(event, Ended) for event in events):
            events += self.step(0)
        self.forget(TRIAL.session)
        failed = [event.text for event in events if isinstance(event, Ended) and event.reason == "failed"]
        if failed:
            raise BackendError(f"voxtral does not run ({failed[0]})", remedy_of(failed[0], REMEDY))

    def begin(self, job: Job) -> None:
        assert self._model is not None
        assert self._memories is not None
        room = self._room(job.context, job.text)
        history, before = self._fitted(job.language, job.history, room)
        if len(before) > room:
            self._refused.append(Ended(job.tag, "failed", "the question does not fit into voxtral.context_tokens"))
            return
        sound = LogMel(self._model.bands, self._chosen.longest_s * RATE // HOP + 2)
        self._turns[job.tag] = Turn(job, history, before, sound, Detokeniser(self._tokens.decode))
        self._memories.wanted.pop(job.tag.session, None)  # from now on that is what this job's history says

    def feed(self, job: Job, data: Pcm) -> None:
        if (turn := self._turns.get(job.tag)) is None or turn.over:
            return
        try:
            turn.sound.add(data)
            turn.samples += len(data)
        except ValueError:
            turn.failure = f"the question is longer than {self._chosen.longest_s} s (voxtral.longest_s)"

    def finish(self, job: Job) -> None:
        if turn := self._turns.get(job.tag):
            turn.finished = True

    def step(self, budget_ns: int) -> Sequence[Event]:
        """A piece of a prompt, the sound of a question, or a token."""
        if self._refused:
            events, self._refused = self._refused, []
            return events
        for turn in list(self._turns.values()):
            if turn.over:
                return self._end(turn, "failed" if turn.failure and not turn.cancelled else "cancelled")
        if self._current is None:
            self._current = next((turn for turn in self._turns.values() if turn.finished), None)
        if self._current is not None:
            return self._attempt(self._current, self._answer)
        for turn in self._turns.values():
            if not turn.ready:
                return self._attempt(turn, self._prepare)
        if self._memories is not None and self._memories.wanted:
            self._memories.settle()
        return ()

    def _attempt(self, turn: Turn, part: Any) -> Sequence[Event]:
        began = time.monotonic_ns()
        try:
            events: Sequence[Event] = part(turn)
        except Exception as error:  # out of memory, a broken driver
            turn.failure = first_line(error)
            self.forget(turn.job.tag.session)
            return self._end(turn, "failed")
        took = time.monotonic_ns() - began
        if turn.said > 1:
            self._cost_ns += (took - self._cost_ns) // 8 if self._cost_ns else took
        return events

    def _prepare(self, turn: Turn) -> Sequence[Event]:
        """The next piece of what comes before the sound."""
        turn.ready = not self._take_in(turn.job.tag.session, turn.before)
        return ()

    def _take_in(self, session: int, wanted: Sequence[int]) -> bool:
        assert self._memories is not None
        return self._memories.take_in(session, wanted, {tag.session for tag in self._turns})

    def _answer(self, turn: Turn) -> Sequence[Event]:
        """The next piece of work towards an answer; each of these is a checkpoint."""
        assert self._model is not None
        assert self._memories is not None
        session, chosen = turn.job.tag.session, self._chosen
        if turn.embeddings is None:
            if not self._take_in(session, turn.before):
                self._hear(turn)
            return ()
        memory = self._memories.of(session)
        if not turn.asked:
            piece, turn.ids = turn.ids[: chosen.prefill_tokens], turn.ids[chosen.prefill_tokens :]
            logits = memory.extend(piece, turn.embeddings[: len(piece)])
            turn.embeddings = turn.embeddings[len(piece) :]
            if turn.ids:
                return ()
            turn.asked = True
            self._newest[session] = replace(turn.job, history=turn.history)
        else:
            logits = memory.extend([turn.last], self._model.read([turn.last]))
        turn.last = self._model.choose(logits, chosen.temperature, chosen.top_p)
        turn.said += 1
        done = turn.last == self._prompts.end
        text = turn.words.end() if done else turn.words.add(turn.last)
        if not done and turn.said >= chosen.max_tokens:
            text, done = text + turn.words.end(), True
        events: list[Event] = [Token(turn.job.tag, text)] if text and not turn.cancelled else []
        if done and not turn.cancelled:
            events += self._end(turn, "done")
        return events

    def _hear(self, turn: Turn) -> None:
        """Encode the question's sound, and put the rest of the prompt around it."""
        assert self._model is not None
        model, after = self._model, self._prompts.after(turn.job)
        frames, tokens = audio_tokens(turn.samples, model.tokens, model.frames, self._chosen.trim_audio)
        heard = model.hear(turn.sound.features(frames))[:tokens]
        turn.sound.wipe()
        turn.ids = [self._prompts.sound, *[HEARD] * tokens, *after]
        turn.embeddings = model.join(model.read([self._prompts.sound]), heard, model.read(after))

    def _end(self, turn: Turn, reason: Literal["done", "cancelled", "failed"]) -> Sequence[Event]:
        del self._turns[turn.job.tag]
        turn.sound.wipe()
        turn.embeddings = None
        if self._current is turn:
            self._current = None
        return [Ended(turn.job.tag, reason, turn.failure if reason == "failed" else "")]

    def _before(self, language: str, history: Sequence[Exchange]) -> list[int]:
        return self._prompts.before(system_text(self._chosen.system_prompt, language), history)

    def _fitted(
        self, language: str, history: tuple[Exchange, ...], room: int
    ) -> tuple[tuple[Exchange, ...], list[int]]:
        """The history without the oldest of it that there is no room for, and its tokens."""
        while len(before := self._before(language, history)) > room and history:
            history = history[1:]
        return history, before

    def _room(self, context: Sequence[str], text: str = "") -> int:
        """Tokens there is room for before the longest sound, with this after it, and an answer."""
        assert self._model is not None
        model, chosen = self._model, self._chosen
        sound = audio_tokens(chosen.longest_s * RATE, model.tokens, model.frames, chosen.trim_audio)[1]
        after = self._prompts.after(Job(TRIAL, context=tuple(context), text=text))
        return chosen.context_tokens - chosen.max_tokens - sound - len(after) - 1

    @property
    def remarks(self) -> Sequence[str]:
        return self._remarks

    @property
    def idle(self) -> bool:
        waiting = (turn.over or turn.finished or not turn.ready for turn in self._turns.values())
        settling = self._memories is not None and self._memories.wanted
        return not (self._refused or settling or any(waiting))

    def cancel(self, tag: Tag) -> None:
        if turn := self._turns.get(tag):
            turn.cancelled = True

    def settle(self, tag: Tag, heard: str) -> None:
        """The next steps put a placeholder in the place of the sound, and what was heard in that of the answer."""
        job = self._newest.get(tag.session)
        busy = any(each.session == tag.session for each in self._turns)
        if self._memories is not None and job is not None and job.tag == tag and not busy:
            past = (*job.history, Exchange(job.text, heard))
            self._memories.wanted[tag.session] = self._fitted(job.language, past, self._room(()))[1]

    def forget(self, session: int) -> None:
        self._newest.pop(session, None)
        if self._memories is not None:
            self._memories.drop(session)

    def cost_ns(self, units: int) -> int:
        """A unit is a token."""
        return units * self._cost_ns

    def unload(self) -> None:
        if self._memories is not None:
            self._memories.clear()
        self._turns.clear()
        self._newest.clear()
        self._refused.clear()
        self._model, self._memories, self._current, self._identity = None, None, None, ()
