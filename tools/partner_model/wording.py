"""What the training conversations are made of. None of it is taken from bench/partnerbench, which is to stay unseen.

`[a|b]` is a for one thing and b for several; {t} and {T} stand for the thing; {time}, {money} and so on for a value
that
chance makes (`values.py`). A clause is what may be said of a thing; a frame is a sentence that stands by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from partner_model.lists import words


@dataclass(frozen=True, slots=True)
class Attribute:
    """What can be known of a thing. follows: how it is asked where the thing was just spoken of."""

    clauses: tuple[str, ...]
    frames: tuple[str, ...]
    questions: tuple[str, ...]
    follows: tuple[str, ...]


def _attribute(clauses: str, frames: str, questions: str, follows: str) -> Attribute:
    def parts(text: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in text.split("/") if line.strip())

    return Attribute(parts(clauses), parts(frames), parts(questions), parts(follows))


ATTRIBUTES = {
    "hours": _attribute(
        "[is|are] open from {time} to {time} / [opens|open] at {time} and [closes|close] at {time} / [is|are] open"
        " {days} from {time} until {time} / [closes|close] at {time} / [is|are] open until {time} / [opens|open] at"
        " {time}"
        " / [is|are] open {days} / [is|are] only open {days} / [is|are] closed {days} / [is|are] open day and night",
        "You can visit {t} from {time} to {time}. / The hours of {t} are {time} to {time}. / {days}, {t} [is|are] open"
        " until {time}.",
        "when [is|are] {t} open / when [does|do] {t} open / when [does|do] {t} close / what time [does|do] {t} open"
        " / what"
        " time [does|do] {t} close / until when [is|are] {t} open / what are the opening hours of {t} / how late"
        " [is|are]"
        " {t} open / [is|are] {t} open today / on which days [is|are] {t} open / at what time can I visit {t} / {t}"
        " hours"
        " / is {t} still open in the evening / from when on can I go to {t} / how long [is|are] {t} open",
        "when [is|are] [it|they] open / when [does|do] [it|they] close / what time [does|do] [it|they] open / until"
        " when"
        " / what are the hours / and the opening hours / how late [is|are] [it|they] open / when can I go there",
    ),
    "price": _attribute(
        "[costs|cost] {money} / [is|are] {money} / [is|are] free / [is|are] free of charge / [costs|cost] {money}"
        " {per}",
        "Entry to {t} is {money}. / A ticket for {t} costs {money}. / You pay {money} for {t}. / The price of {t} is"
        " {money}. / For {t} we ask {money}. / The fee for {t} is {money} {per}.",
        "how much [is|are] {t} / what [does|do] {t} cost / how much [does|do] {t} cost / what is the price of {t} / how"
        " much do I have to pay for {t} / what do you charge for {t} / how expensive [is|are] {t} / [is|are] {t}"
        " free / do"
        " I have to pay for {t} / what would {t} cost me / price of {t} / what's the fee for {t} / how many {unit}"
        " [is|are]"
        " {t}",
        "how much [is|are] [it|they] / what [does|do] [it|they] cost / and the price / how much / do I have to pay for"
        " [it|them] / what is the fee / [is|are] [it|they] expensive / how much is that",
    ),
    "place": _attribute(
        "[is|are] {place} / [is|are] located {place} / [is|are] found {place} / [stands|stand] {place}",
        "You find {t} {place}. / You can find {t} {place}. / To get to {t}, go {place}. / {place}, there [is|are] {t}.",
        "where [is|are] {t} / where can I find {t} / how do I get to {t} / where do I find {t} / which way is it to"
        " {t} /"
        " can you tell me where {t} [is|are] / could you show me the way to {t} / I am looking for {t} / I can't"
        " find {t}"
        " / where would I find {t} / how can I reach {t} / on which floor [is|are] {t} / where's {t} / I need {t}",
        "where [is|are] [it|they] / where can I find [it|them] / and where is that / how do I get there / where / which"
        " way is it",
    ),
    "person": _attribute(
        "[is|are] run by {person} / [is|are] led by {person} / [belongs|belong] to {person} / [was|were] made by"
        " {person}"
        " / [is|are] looked after by {person} / [was|were] built by {person}",
        "{person} looks after {t}. / {person} is in charge of {t}. / {person} runs {t}. / For {t}, ask {person}. / The"
        " head of {t} is {person}.",
        "who runs {t} / who is in charge of {t} / who is responsible for {t} / who looks after {t} / who do I ask"
        " about {t}"
        " / who leads {t} / whom can I talk to about {t} / who owns {t} / who made {t} / who is the head of {t}"
        " / who built {t}",
        "who runs [it|them] / who is in charge / who looks after [it|them] / and who is responsible / who do I ask",
    ),
    "count": _attribute(
        "[has|have] {number} {plural} / [has|have] room for {number} people / [seats|seat] {number} people /"
        " [holds|hold]"
        " {number} {plural}",
        "There are {number} {plural} in {t}. / Up to {number} people fit into {t}.",
        "how many {plural} [does|do] {t} have / how many people fit into {t} / how big [is|are] {t} / how many"
        " people can"
        " use {t} / how much room [does|do] {t} have / what is the capacity of {t} / how many {plural} are there in"
        " {t}",
        "how many {plural} [does|do] [it|they] have / how many people fit in / how big [is|are] [it|they] / how many",
    ),
    "long": _attribute(
        "[takes|take] {duration} / [lasts|last] {duration} / [is|are] over in {duration} / [takes|take] about"
        " {duration}",
        "You need {duration} for {t}. / Plan {duration} for {t}.",
        "how long [does|do] {t} take / how long [does|do] {t} last / how much time do I need for {t} / how long"
        " [is|are]"
        " {t} / what is the duration of {t} / how many minutes [does|do] {t} take / how long will I be at {t}",
        "how long [does|do] [it|they] take / how long [does|do] [it|they] last / and how long / how much time do I"
        " need",
    ),
    "start": _attribute(
        "[begins|begin] at {time} / [starts|start] at {time} / [leaves|leave] at {time} / [takes|take] place {days} at"
        " {time} / [is|are] {days} at {time} / [starts|start] {days} at {time}",
        "We start {t} at {time}. / {days} at {time} [is|are] {t}.",
        "when [does|do] {t} start / what time [is|are] {t} / when [is|are] {t} / at what time [does|do] {t} begin /"
        " when"
        " [does|do] {t} leave / on which day [is|are] {t} / what time [does|do] {t} start",
        "when [does|do] [it|they] start / what time [is|are] [it|they] / when [is|are] [it|they] / when [does|do]"
        " [it|they]"
        " begin",
    ),
    "often": _attribute(
        "[comes|come] every {duration} / [runs|run] {often} / [takes|take] place {often} / [is|are] cleaned {often} /"
        " [leaves|leave] every {duration}",
        "There [is|are] {t} every {duration}.",
        "how often [does|do] {t} run / how often [is|are] {t} / how often [does|do] {t} come / how frequently"
        " [does|do] {t}"
        " leave / how often [does|do] {t} take place",
        "how often / how often [is|are] [it|they] / how often [does|do] [it|they] run / and how often is that",
    ),
    "age": _attribute(
        "[is|are] {number} years old / [was|were] built in {year} / [was|were] opened in {year} / [dates|date] from"
        " {year}",
        "We have had {t} since {year}.",
        "how old [is|are] {t} / when [was|were] {t} built / since when do you have {t} / what year [is|are] {t} from"
        " / how"
        " long have you had {t} / when [was|were] {t} opened",
        "how old [is|are] [it|they] / when [was|were] [it|they] built / since when",
    ),
    "far": _attribute(
        "[is|are] {distance} away / [is|are] {distance} from here / [is|are] {distance} long / [is|are] {distance}"
        " high",
        "It is {distance} to {t}.",
        "how far [is|are] {t} / how far is it to {t} / how many meters is it to {t} / [is|are] {t} far away / what"
        " is the"
        " distance to {t} / how far away [is|are] {t}",
        "how far [is|are] [it|they] / how far is that / is that far",
    ),
    "code": _attribute(
        "[has|have] the number {digits} / [has|have] the code {digits} / [has|have] the password {word}",
        "The number of {t} is {digits}. / The code for {t} is {digits}. / The password of {t} is {word}. / To reach"
        " {t},"
        " dial {digits}. / The name of {t} is {Word}.",
        "what is the number of {t} / what's the code for {t} / what is the password of {t} / how do I call {t} / which"
        " number do I dial for {t} / tell me the code of {t} / what is the name of {t} / I need the number of {t}",
        "what is the number / what's the code / what is the password / and the number / what is the name",
    ),
    "made": _attribute(
        "[is|are] made of {material} / [is|are] {colour} / [is|are] painted {colour} / [consists|consist] of"
        " {material}",
        "We make {t} out of {material}.",
        "what [is|are] {t} made of / what colour [is|are] {t} / which material [is|are] {t} / how [does|do] {t} look"
        " / what"
        " [does|do] {t} consist of",
        "what [is|are] [it|they] made of / what colour [is|are] [it|they] / what [does|do] [it|they] look like",
    ),
    "group": _attribute(
        "[is|are] only for {group} / [is|are] not for {group} / [is|are] open to {group} / [is|are] meant for {group}",
        "{group} may not use {t}. / Only {group} may use {t}. / We keep {t} for {group}.",
        "who may use {t} / who can use {t} / who [is|are] {t} for / may I use {t} / can anybody use {t} / is everybody"
        " allowed to use {t} / [is|are] {t} for everyone / whom [is|are] {t} meant for",
        "who may use [it|them] / may I use [it|them] / who is that for / can anybody use [it|them]",
    ),
    "need": _attribute(
        "[needs|need] a {noun} / [requires|require] a {noun}",
        "For {t} you need a {noun}. / Please bring a {noun} to {t}. / Without a {noun} you cannot use {t}.",
        "what do I need for {t} / what do I have to bring to {t} / do I need anything for {t} / what [does|do] {t}"
        " require"
        " / what should I bring for {t}",
        "what do I need for [it|them] / what do I have to bring / do I need anything for that",
    ),
    "book": _attribute(
        "[must|must] be booked {ahead} / [can|can] be booked {place} / [can|can] be reserved {ahead}",
        "Please book {t} {ahead}. / You can book {t} {place}. / Book {t} with {person}.",
        "do I have to book {t} / can I book {t} / how can I book {t} / how do I reserve {t} / where can I book {t} /"
        " do I"
        " need a reservation for {t} / I would like to book {t}",
        "do I have to book / can I book [it|them] / how do I reserve [it|them] / and how can I book",
    ),
}

BEFORE = words(
    "excuse me|hello|please|well|um|uh|okay|and|hey|sorry|so|good morning|I would like to know|can you tell me"
    "|could you tell me|do you know|please tell me|I want to know|tell me|one question",
    "|",
)
AFTER = words("please|thank you|exactly|then|actually|by the way|today|here|again|do you know", "|")
RULE_FACTS = (
    "You may {do} {place}.",
    "You can {do} {place}.",
    "You can {do} {days}.",
    "You may not {do} {place}.",
    "{Doing} is only allowed {place}.",
    "{Doing} is not allowed {place}.",
    "{Doing} is forbidden.",
    "{Doing} costs {money}.",
    "If you want to {do}, ask {person}.",
    "To {do}, you need a {noun}.",
    "Please do not {do} {place}.",
    "There is no {doing} {place}.",
)
RULE_QUESTIONS = (
    "can I {do}",
    "may I {do}",
    "where can I {do}",
    "is {doing} allowed",
    "am I allowed to {do}",
    "is it allowed to {do}",
    "what about {doing}",
    "I want to {do}",
    "I would like to {do}",
    "where may I {do}",
    "is it okay to {do} here",
    "is {doing} possible",
)
SPECIALS = (
    ("{on}, {t} [is|are] open until {time}.", "{T} [is|are] open from {time} to {time}.", "hours", "on"),
    ("{on} {t} [closes|close] at {time}.", "{T} [closes|close] at {time}.", "hours", "on"),
    ("{T} [is|are] closed {on}.", "{T} [is|are] open from {time} to {time}.", "hours", "on"),
    ("{who} pay {money} for {t}.", "{T} [costs|cost] {money}.", "price", "who"),
    ("For {who}, {t} [is|are] free.", "{T} [costs|cost] {money} {per}.", "price", "who"),
    ("For {who} {t} [costs|cost] {money}.", "{T} [costs|cost] {money}.", "price", "who"),
)
"""The special case, the general one, of what, and how it is told apart."""
SPECIAL_QUESTIONS = {
    "on": (
        "when [is|are] {t} open {x}",
        "how late [is|are] {t} open {x}",
        "[is|are] {t} open {x}",
        "when [does|do] {t} close {x}",
    ),
    "who": (
        "how much [is|are] {t} for {x}",
        "what do {x} pay for {t}",
        "what [does|do] {t} cost for {x}",
        "do {x} have to pay for {t}",
    ),
}
SPECIAL_FOLLOWS = ("and {x}", "what about {x}", "and for {x}", "how about {x}", "and {x} please", "also {x}")
OTHERS = (
    "and {t}",
    "what about {t}",
    "how about {t}",
    "and for {t}",
    "and {t} please",
    "the same for {t}",
    "and what about {t}",
)
EXISTS = ("is there {a}", "do you have {a}", "have you got {a}", "is there {a} here", "are there any {p}", "I need {a}")
BARE = (
    "{t}",
    "what about {t}",
    "tell me about {t}",
    "tell me something about {t}",
    "what do you know about {t}",
    "information on {t}",
)
OFF = (
    "who won the {noun} yesterday",
    "what is the capital of {Word}",
    "how tall is the {Word} tower",
    "tell me a joke",
    "what is the weather like in {Word}",
    "do you like {plural}",
    "what is {number} times {number}",
    "do you sell {plural}",
    "can you sing",
    "who is the president of {Word}",
    "what is the meaning of {word}",
    "how many people live in {Word}",
    "where can I buy a {noun}",
    "what did {person} say about it",
    "are you married",
    "why is the {noun} {colour}",
)
UNKNOWN = "I am sorry, I don't know that."
