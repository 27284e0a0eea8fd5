"""What a language model is told: the system's text, the conversation so far, what the host gave to know, the question.

What stays the same comes first, so that a cache of the prompt's beginning holds from turn to turn: the system's text in
the language of the question; then the exchanges as they were heard, which only grow; and what the host gave to know
stands with the question itself, the newest message. So whatever a host changes, nothing before it is computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.contract import Exchange, Job
from workers.backends.chat_template import Message

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""Languages as a system's text calls them; others by their code."""


class TooLongError(ValueError):
    """The question does not fit into the model's context, not even alone."""


def system_text(prompt: str, language: str) -> str:
    """The setting `llm.system_prompt` with `{language}` filled in."""
    return prompt.replace("{language}", NAMES.get(language.partition("-")[0], language)).strip()


def messages(system: str, history: Sequence[Exchange], context: Sequence[str], question: str) -> list[Message]:
    """All of it, for a chat template. Roles take turns, which many templates insist on: an answer nobody heard leaves
    two questions in one message."""
    found: list[Message] = [{"role": "system", "content": system}] if system else []

    def say(role: str, text: str) -> None:
        if not text:
            return
        if role == "assistant" and (not found or found[-1]["role"] == "system"):
            found.append({"role": "user", "content": "..."})  # the engine spoke first
        if found and found[-1]["role"] == role:
            found[-1] = {"role": role, "content": f"{found[-1]['content']}\n{text}"}
        else:
            found.append({"role": role, "content": text})

    for exchange in history:
        say("user", exchange.user)
        say("assistant", exchange.answer)
    known = "".join(f"- {line}\n" for line in context)
    say("user", f"[What you know at present:\n{known}]\n{question}" if known else question or "...")
    return found


def fitted(system: str, job: Job, count: Callable[[list[Message]], int], most: int) -> list[Message]:
    """The job's messages in at most `most` tokens, as `count` tells: without the oldest exchanges where they are too
    many, then without the oldest of what the host gave to know.

    Raises TooLongError where the question and the system's text alone are more.
    """
    history, context = list(job.history), list(job.context)
    while True:
        made = messages(system, history, context, job.text)
        over = count(made) - most
        if over <= 0:
            return made
        if history:
            # An exchange alone is at least as long as within the rest, so no more are dropped than need be; how many
            # that are is seen by counting again.
            while history and over > 0:
                oldest = history.pop(0)
                over -= count(messages("", [oldest], [], "."))
        elif context:
            del context[0]
        else:
            raise TooLongError(f"the question with the system prompt is {over} tokens longer than fits")
