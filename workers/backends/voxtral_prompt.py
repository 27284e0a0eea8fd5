"""What Voxtral is told, as token ids, in the form that mistral-common gives to conversations (its version 7).

    <s>[INST]system, question in words[/INST]answer</s>[INST][BEGIN_AUDIO]sound of the question, what is known[/INST]

Sound stands in the newest question alone. Older ones are there as words: what the history says, or a placeholder where
it does not know. A system's message and sound do not go together in this form, so the system's text comes first in the
first question. Everything before the sound only grows from turn to turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract import Exchange, Job
from workers.backends.tekken import Tekken


class Prompts:
    """Writes prompts. placeholder: stands for a question that was heard and is not known in words."""

    def __init__(self, tokens: Tekken, placeholder: str) -> None:
        self._tokens, self._placeholder = tokens, placeholder
        self._begin, self.end = tokens.special("<s>"), tokens.special("</s>")
        self._asks, self._asked = tokens.special("[INST]"), tokens.special("[/INST]")
        self.sound = tokens.special("[BEGIN_AUDIO]")
        """What comes before the question's sound."""

    def before(self, system: str, history: Sequence[Exchange]) -> list[int]:
        """Up to the question that comes after this history. With a longer history it begins with the same ids. An
        answer that nobody heard leaves two questions in one message."""
        ids = [self._begin, self._asks, *self._line(system)]
        for each in history:
            user = each.user or self._placeholder
            if each.answer:
                answer = self._tokens.encode(each.answer.rstrip(" "))
                ids += [*self._tokens.encode(user), self._asked, *answer, self.end, self._asks]
            else:
                ids += self._line(user)
        return ids

    def after(self, job: Job) -> list[int]:
        """From the end of the question's sound to where the answer begins."""
        known = "".join(f"- {line}\n" for line in job.context)
        text = f"[What you know at present:\n{known}]\n{job.text}" if known else job.text
        return [*self._tokens.encode(text), self._asked]

    def _line(self, text: str) -> list[int]:
        """Text that something else follows in the same message."""
        return self._tokens.encode(f"{text}\n") if text else []
