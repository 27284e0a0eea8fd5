"""What is said in English, and what is likely to be asked: see `language.py` for what each table is for."""

from __future__ import annotations

LIKELY = {
    "open": ("when {does} {} open", "what time {does} {} close", "{is} {} open"),
    "close": ("when {does} {} close", "what time {does} {} close"),
    "start": ("when {does} {} start", "what time {is} {}"),
    "price": ("how much {is} {}", "what {does} {} cost"),
    "place": ("where {is} {}", "where can i find {}"),
    "person": ("who {is} {}",),
    "long": ("how long {does} {} take",),
}

# Of any place and any robot, and nothing that only one of them is asked. Bare words too: else what follows them in a
# longer phrase would be likelier than that nothing does.
# fmt: off
EVERYDAY = (
    "yes", "no", "okay", "stop", "wait", "help", "pardon", "excuse me",
    "how much is it", "how much does it cost", "what does that cost", "how long does it take", "how long is it",
    "how long does that take", "where is it", "where is that", "when is it", "what is it",
    "what is that", "who is that", "why is that", "is it far", "is that all", "how late …", "how often …", "how far …",
    "how many …", "what about …", "how about …", "which …", "and …", "and for …", "and the …",
    "and on …", "what time is it", "what time …", "when …", "where …", "are you …", "do you have …",
    "do you have a …", "do you have any …", "is there a …", "are there any …", "where can i …", "can i …", "can we …",
    "may i …", "do i have to …", "do i need a …", "does it …", "is it …", "i need a …", "i need to …", "i want to …",
    "i would like to …", "i would like a …", "i am looking for …", "could you …", "could you please …", "can you …",
    "please …", "tell me …", "tell me about …", "show me …", "who are you", "what is your name", "what can you do",
    "can you help me", "how are you", "hello", "good morning", "good evening", "goodbye", "thank you",
    "thank you very much", "thanks a lot", "yes please", "no thank you", "never mind", "that is all",
    "can you say that again", "say that again", "please wait a moment", "stop it",
)
# fmt: on

CONTEXT = {
    "sees": "I see {}.",
    "hears": "I hear {}.",
    "touched": "You touched {}.",
    "feels": "I feel {}.",
    "holds": "I hold {}.",
    "near": "Near me is {}.",
    "knows": "{}.",
}

PHRASES = {
    "hello": "Hello. How can I help you?",
    "thanks": "You are welcome.",
    "bye": "Goodbye.",
    "how": "I am fine, thank you. How can I help you?",
    "who": "I am {who}.",
    "who_nobody": "I am a machine that answers questions.",
    "can": "I can tell you about {topics}.",
    "can_do": "I can {tools}.",
    "can_nothing": "I have not been told anything yet.",
    "again_nothing": "I have not said anything yet.",
    "fine": "All right.",
    "stop": "All right.",
    "wait": "I am waiting.",
    "clock": "I have no clock, I am sorry.",
    "unknown": "I am sorry, I don't know that.",
    "maybe": "I don't know exactly, but maybe this helps: {fact}",
    "but_fact": "But I know this: {fact}",
    "but_topics": "But I can tell you about {topics}.",
    "cannot": "I am sorry, I can't do that.",
    "not_done": "All right, I won't.",
    "confirm": "Shall I really {what}?",
    "how_many": "How many {what}?",
    "which": "Which {what}: {choices}?",
    "what": "What is the {what}?",
    "on_off": "On or off?",
    "range": "The {what} must be between {low} and {high}{unit}.",
    "at_least": "The {what} must be at least {low}{unit}.",
    "at_most": "The {what} must be at most {high}{unit}.",
    "whole": "The {what} must be a whole number.",
    "done_plain": "All right.",
    "thing": "the {thing}",
    "and": "and",
    "or": "or",
}
