"""What the answerer has to know of a language: tables, and no code. English is `english.py`; another language is
another file like it, and a line in LANGUAGES there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """The tables. Words stand in small letters, without punctuation; several forms or words in one text are separated
    by blanks, phrases of more than one word by `_`."""

    contractions: Mapping[str, str]
    """Written in one, read as several: "what's" is "what is"."""
    endings: tuple[tuple[str, str, int], ...]
    """Ending, what takes its place, and how many letters must be left before it; the first that fits."""
    irregular: Mapping[str, str]
    """Forms that no rule brings to their stem."""
    stop: str
    """Words that tell nothing of what is asked."""
    light: str
    """Words that tell little."""
    companions: str
    """Who may be with a visitor; where no fact is about them, that tells little."""
    subjects: str
    """Small words for who does something; a verb follows."""
    does: str
    """Words of a question whose verb comes at the end."""
    numbers: Mapping[str, float]
    """Number words below a hundred."""
    tens: Mapping[str, int]
    """What multiplies what stands before it: hundred, thousand."""
    ordinals: Mapping[str, int]
    about_count: str
    """What may stand before a number and only says how exact it is."""
    minus: str
    """Before a number that is below zero."""
    half: str
    """The word for a half."""
    and_: str
    article: str
    """What may stand for a one before a unit or a hundred: "a metre", "a hundred"."""
    articles: str
    """What may stand before the name of a thing."""
    homophones: Mapping[str, str]
    """Words that a recogniser writes for a number, where a number must stand."""
    mishearings: Mapping[str, str]
    """Words that a recogniser writes for words that questions begin with."""
    misheard: tuple[tuple[str, str], ...]
    """Pattern of a sentence that fits nothing, in which one was misheard whatever was written for it, and what instead
    of its match."""
    always_misheard: tuple[tuple[str, str], ...]
    """The same of one that is hardly anything else, whatever it fits."""
    same: tuple[str, ...]
    """Words that mean about the same; the first names the group. With `=` before it, a word counts in this form
    alone."""
    leads: tuple[str, ...]
    """What facts speak of, " : ", and what somebody says who looks for that, though it does not mean the same:
    "pharmacy medicine : headache"."""
    roots: tuple[str, ...]
    """Endings that make a word of another: "delivery" and "deliver" have one root."""
    near: tuple[str, ...]
    """Groups of which one answers a question for the other: who asks when it closes is told when it is open."""
    opposites: tuple[str, ...]
    """Groups and words that mean the opposite of each other."""
    days: tuple[str, ...]
    day_ranges: Mapping[str, tuple[int, ...]]
    """Words that stand for several days, 0 is Monday."""
    to: str
    """Between two days, it means all from the one to the other."""
    ranges: str
    """With a time, it says from when to when."""
    hours: str
    """Groups that from when to when is an answer to."""
    months: str
    """With the seasons."""
    currencies: str
    free: str
    cost: str
    """Words that make a question or a fact one about a price, beside currencies."""
    times: str
    """Words that are a time of day by themselves."""
    before_time: str
    """Words before a number that make it a time, if no unit follows."""
    durations: str
    ahead: str
    """After a duration, it says when: "two weeks ahead"."""
    before_month: str
    """Before a month whose name is another word, too: "in May"."""
    an_age: str
    """The word for it, which is no place: "from the age of six"."""
    age: str
    """Words of a sentence in which years are an age, and not how long something takes."""
    soon: str
    """Before a duration, it says when: "within two weeks"."""
    ages: str
    """Those of them that an age is told in."""
    before_age: str
    """Before a number that may be an age: "under six"."""
    distances: str
    repeats: str
    """Words of how often."""
    places: str
    """Words that are a place by themselves."""
    listener: str
    """Who is spoken to; after a word of `before_place` that is a place: "behind you"."""
    pointing: str
    """Words that are a place by themselves, at the end of a sentence."""
    rooms: str
    """Words that, with a number or a letter, are a place."""
    sides: str
    """Words for sides, "on the left", which are often something else."""
    by: str
    """Words that are followed by a place if it has an article: "by the door", but not "by Sofia"."""
    through: str
    """Those words of `before_place` that say where something leads, rather than where it is."""
    before_place: str
    """Words that are followed by a place, if it is no time and no number."""
    titles: str
    """Before the name of a person."""
    capitals: str
    """Words with a capital letter that are no person."""
    by_people: str
    """Words for a person after `by`: "sold by the ushers"."""
    people: str
    """Words for a person by what they do."""
    adults: str
    """Whom a fact is about where it is about everybody, but for those that it names."""
    verbs: str
    """What a statement's subject ends before."""
    kinds: tuple[tuple[str, tuple[str, ...]], ...]
    """Kinds of answer, and patterns of the questions that want one of them; the first that fits."""
    kind_words: Mapping[str, str]
    """Words that say little but of which kind a question is."""
    defaults: Mapping[str, str]
    """What a question of this kind is about that names nothing: who asks "how much is it?" first of all means this."""
    informs: str
    """What the description of a tool begins with that only finds something out: a question may call it."""
    asks: str
    """A pattern: how a question begins, so that it is no request."""
    requests: str
    """A pattern: what a request may begin with, which is cut off."""
    polite: str
    """A pattern: how somebody is asked to do something."""
    aside: str
    """Words beside a request that make it one for a case or a time, or of somebody else."""
    linking: str
    """A pattern: what links a request to the one before, and is cut off."""
    forbids: str
    """A pattern: how a request not to do something begins."""
    states: str
    """A pattern: how a statement begins, so that it is no request unless that is confirmed."""
    asks_later: str
    """A pattern: what is a question even in the middle of a sentence."""
    states_anew: str
    """A pattern: how a statement begins behind a question."""
    denies: str
    """Words that take back what follows them."""
    not_now: str
    """Words in a request that make it one for another time, or for a case that may not be, or take it back."""
    fillers: str
    """A pattern: what may stand before a question and is cut off."""
    trailing: str
    """A pattern: what may stand at the end, and is cut off."""
    wishes: str
    """A pattern: what begins with it may be a question or a request."""
    ask_day: str
    """A pattern: it asks for a day."""
    of_age: str
    """A pattern: what stands before how old somebody is."""
    of_the_young: str
    """A pattern: whether those may come who may be too young."""
    points: str
    """A pattern: what stands for that which was spoken of just now, and for nothing else."""
    follow: str
    """A pattern: how a question begins that leans on the one before."""
    follow_tail: str
    """A pattern: how it may end."""
    before_thing: str
    """Small words that the name of a thing follows."""
    pronouns: str
    talk: tuple[tuple[str, tuple[str, ...]], ...]
    """Small talk: kind, and patterns for the whole of what was said."""
    yes: str
    with_yes: str
    """Small words that may stand after a yes without taking it back."""
    no: str
    with_no: str
    """Small words that may stand beside a no without making it something else."""
    states_be: str
    """Words after which something is said of a state, and not asked for: "the gate is open"."""
    particles: str
    """Words for a yes or a no that are often something else: "on the pier", "run off"."""
    sets: str
    """Words that the description of a tool begins with that sets how much something shall be."""
    switches: str
    """Words before an "on" that is none of place: "switch on the lamp"."""
    no_request: str
    """Endings of a first word with which nothing is asked for: "opened", "opening"."""
    excepting: str
    """Words that take somebody out of what is asked for: "anybody but the manager"."""
    handing: str
    """Words that ask for somebody or something, whatever has to be done for that: "get the manager"."""
    wheres: str
    """Words of a tool that shows where something is."""
    stops: str
    """Words that stop, said alone, whatever can be stopped."""
    true: str
    false: str
    """Words for a yes-or-no argument."""
    naming: str
    """A pattern: what stands before a name that was asked for: "her name is"."""
    free_text: str
    """Names of parameters that are something to be said or written."""
    units: Mapping[str, tuple[str, float]]
    """Units: what they are measured in, and how much of it they are."""
    likely: Mapping[str, tuple[str, ...]]
    """How a fact of a kind, or with a word of a group, is likely to be asked for: {} is what it is about, {is} and
    {does} stand for "are" and "do", too."""
    everyday: tuple[str, ...]
    """What is often said to whoever answers questions, whatever they are about; with … at its end something follows."""
    context: Mapping[str, str]
    """What a line of context begins with, and how the rest is said."""
    phrases: Mapping[str, str]
    """What is said by itself, by name, with places to fill in."""
