"""What generated fact sheets are made of: things, sentences and questions, in sets that have no thing and hardly a wording
in common. The answerer was made with an eye on TUNE. SEEN was held out until its figures were known, and looked at then.
HELD was written after that, and the answerer was not changed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attribute:
    """What may be known about a thing. {t} is the thing, {v}, {w} the values that an answer must have; follow: the
    question when the thing was just spoken of."""

    facts: tuple[str, ...]
    questions: tuple[str, ...]
    follow: tuple[str, ...]
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wordings:
    """One set."""

    things: tuple[str, ...]
    absent: tuple[str, ...]
    """Things that no sheet knows."""
    attributes: Mapping[str, Attribute]
    other: tuple[str, ...]
    """How the same is asked about another thing: {t}."""
    off: tuple[str, ...]
    """Questions that no sheet answers."""
    tools: str
    """In TOML, as in config.toml."""
    requests: tuple[tuple[str, str, Mapping[str, object]], ...]
    """What is said, the tool, and its arguments; without a tool nothing may be called."""


_HOURS = tuple((a, b) for a, b in (("eight", "four"), ("nine", "five"), ("ten", "seven"), ("half past ten", "six")))
_PRICES = tuple((p, "") for p in ("three", "six", "seven fifty", "eleven", "fourteen", "twenty-two"))
_NAMES = tuple((n, "") for n in ("Ellen Marsh", "Tariq Aziz", "Sofia Brandt", "Kenji Mori", "Doctor Vance"))

TUNE = Wordings(
    things=(
        "the swimming pool", "the sauna", "the tennis court", "the bowling alley", "the rooftop bar", "the minigolf course",
        "the climbing wall", "the spa", "the games room", "the ballroom", "the ice rink", "the trampoline park",
    ),
    absent=("the casino", "the hairdresser", "the chapel", "the cinema", "the helicopter pad"),
    attributes={
        "hours": Attribute(
            ("{T} is open from {v} to {w}.", "{T} opens at {v} and closes at {w}."),
            ("when does {t} open", "what are the opening hours of {t}", "until when is {t} open", "when is {t} open",
             "what time does {t} close", "is {t} open in the morning"),
            ("and when is it open", "when does it close", "what are the hours"),
            _HOURS,
        ),
        "price": Attribute(
            ("{T} costs {v} euros.", "Entry to {t} is {v} euros.", "A ticket for {t} is {v} euros."),
            ("how much is {t}", "what does {t} cost", "how much do I have to pay for {t}", "what is the price of {t}"),
            ("and how much is it", "what does it cost", "how much is that"),
            _PRICES,
        ),
        "place": Attribute(
            ("{T} is {v}.", "{T} can be found {v}."),
            ("where is {t}", "where can I find {t}", "could you tell me where {t} is", "I am looking for {t}"),
            ("and where is it", "where do I find it"),
            tuple((p, "") for p in ("on the second floor", "behind the main hall", "next to the reception",
                                    "in the basement", "opposite the lift")),
        ),
        "person": Attribute(
            ("{T} is run by {v}.", "{v} is the manager of {t}."),
            ("who runs {t}", "who is the manager of {t}", "who is the boss of {t}"),
            ("who runs it", "and who is the manager"),
            _NAMES,
        ),
        "long": Attribute(
            ("A session in {t} takes {v} minutes.", "One visit to {t} lasts {v} minutes."),
            ("how long does a session in {t} take", "how long is a visit to {t}", "how long does {t} take"),
            ("how long does it take", "and how long is it"),
            tuple((n, "") for n in ("twenty", "forty", "fifty", "ninety")),
        ),
    },
    other=("and {t}", "what about {t}", "and for {t}"),
    off=(
        "who won the football game yesterday", "how tall is the eiffel tower", "what is the meaning of life",
        "can you recommend a book", "do you sell stamps", "is it going to rain", "where can I buy a car",
        "how many people live in china", "tell me a joke", "are there any jobs here",
    ),
    tools="""
[[tools]]
name = "set_light"
description = "Switch the light in a room on or off"
parameters = { room = ["hall", "kitchen", "office"], on = "boolean" }
[[tools]]
name = "go"
description = "Go in a direction"
parameters = { direction = ["forward", "back"], distance = { type = "number", minimum = 0, maximum = 50, unit = "meters" } }
[[tools]]
name = "set_volume"
description = "Set the volume in percent"
parameters = { percent = { type = "integer", minimum = 0, maximum = 100 } }
""",
    requests=(
        ("switch on the light in the kitchen", "set_light", {"room": "kitchen", "on": True}),
        ("turn the lights in the office off please", "set_light", {"room": "office", "on": False}),
        ("could you switch the hall light on", "set_light", {"room": "hall", "on": True}),
        ("go forward ten meters", "go", {"direction": "forward", "distance": 10}),
        ("please move back three metres", "go", {"direction": "back", "distance": 3}),
        ("go 5 meters forward", "go", {"direction": "forward", "distance": 5}),
        ("set the volume to forty percent", "set_volume", {"percent": 40}),
        ("I would like you to put the volume at 70", "set_volume", {"percent": 70}),
        ("do not go forward", "", {}),
        ("sing me a song", "", {}),
        ("open the window", "", {}),
        ("set the light on fire in the garden", "", {}),
    ),
)  # fmt: skip

SEEN = Wordings(
    things=(
        "the planetarium", "the butterfly house", "the tea room", "the castle tower", "the boat trip", "the hedge maze",
        "the pottery class", "the falconry show", "the herb garden", "the steam railway", "the puppet theatre",
        "the observatory", "the wine cellar", "the mirror cabinet",
    ),
    absent=("the aquarium", "the ski lift", "the bakery", "the dungeon", "the hot air balloon", "the archery range"),
    attributes={
        "hours": Attribute(
            ("You can visit {t} between {v} and {w}.", "{T} welcomes guests from {v} until {w}.",
             "Opening hours of {t}: {v} to {w}."),
            ("at what hour does {t} close", "how late is {t} open", "what time can we go to {t}", "from when is {t} open",
             "when can one see {t}", "excuse me, when do they close {t}"),
            ("and what are its opening times", "until what time is it open", "when can I go there"),
            (("eight", "three"), ("half past nine", "five"), ("eleven", "seven"), ("noon", "nine")),
        ),
        "price": Attribute(
            ("A visit to {t} is {v} dollars.", "For {t} we charge {v} dollars.", "Admission to {t} costs {v} dollars."),
            ("what do you charge for {t}", "how expensive is {t}", "what's the admission for {t}",
             "how many dollars is {t}", "what would I pay for {t}", "is there a fee for {t}"),
            ("what's the price", "is that expensive, how much is it", "how much would that be"),
            tuple((p, "") for p in ("four", "five fifty", "nine", "thirteen", "eighteen", "twenty-five")),
        ),
        "place": Attribute(
            ("You find {t} {v}.", "{T} lies {v}.", "To reach {t}, go {v}."),
            ("how do I get to {t}", "where would I find {t}", "which way is {t}", "can you point me to {t}",
             "we want to see {t}, where is it", "where exactly is {t}"),
            ("how do we get there", "where is that", "and where would that be"),
            tuple((p, "") for p in ("past the fountain", "behind the stables", "at the north gate", "across from the pond",
                                    "below the bridge", "near the old oak")),
        ),
        "person": Attribute(
            ("{v} looks after {t}.", "{v} is responsible for {t}.", "In charge of {t} is {v}."),
            ("who is in charge of {t}", "who takes care of {t}", "who can I ask about {t}", "who is responsible for {t}",
             "what's the name of the person who looks after {t}"),
            ("who takes care of it", "and who is in charge of that"),
            tuple((n, "") for n in ("Alma Reyes", "Henry Osei", "Ingrid Falk", "Mister Pereira", "Professor Lund")),
        ),
        "long": Attribute(
            ("A round through {t} lasts {v} minutes.", "Plan {v} minutes for {t}.", "{T} takes about {v} minutes."),
            ("how much time do I need for {t}", "how many minutes does {t} take", "how long should I plan for {t}",
             "how long does one need for {t}"),
            ("how long will that take", "how much time does it take"),
            tuple((n, "") for n in ("fifteen", "thirty-five", "forty-five", "eighty")),
        ),
    },
    other=("and what about {t}", "same question for {t}", "how about {t}", "and in the case of {t}"),
    off=(
        "what's the score of the match", "who is the president", "how do I cook rice", "do you know a good dentist",
        "can I borrow ten dollars", "where did I park", "what is seven times eight", "when is christmas this year",
        "do you have children", "how many stars are in the sky", "is my flight on time", "are you single",
    ),
    tools="""
[[tools]]
name = "lift_arm"
description = "Lift or lower the arm to a height"
parameters = { height = { type = "number", minimum = 0, maximum = 120, unit = "centimeters" } }
[[tools]]
name = "turn"
description = "Turn left or right by an angle"
parameters = { side = ["left", "right"], angle = { type = "number", minimum = 1, maximum = 360, unit = "degrees" } }
[[tools]]
name = "play_song"
description = "Play a song"
parameters = { title = "string" }
[[tools]]
name = "set_fan"
description = "Set the fan speed"
parameters = { speed = ["slow", "medium", "fast"] }
""",
    requests=(
        ("raise your arm to eighty centimeters", "lift_arm", {"height": 80}),
        ("lift the arm to half a meter", "lift_arm", {"height": 50}),
        ("lower your arm to 25 centimetres please", "lift_arm", {"height": 25}),
        ("turn left by ninety degrees", "turn", {"side": "left", "angle": 90}),
        ("would you turn forty-five degrees to the right", "turn", {"side": "right", "angle": 45}),
        ("rotate right a hundred and eighty degrees", "turn", {"side": "right", "angle": 180}),
        ("play yellow submarine", "play_song", {"title": "yellow submarine"}),
        ("can you play the song moon river for me", "play_song", {"title": "moon river"}),
        ("set the fan to medium", "set_fan", {"speed": "medium"}),
        ("make the fan go slow", "set_fan", {"speed": "slow"}),
        ("never turn left", "", {}),
        ("throw the ball", "", {}),
        ("lock all the doors", "", {}),
        ("lift your arm to five meters", "", {}),
        ("how fast can the fan go", "", {}),
    ),
)  # fmt: skip

HELD = Wordings(
    things=(
        "the salt mine", "the rose terrace", "the clock tower", "the treetop walk", "the cable car", "the mill",
        "the cheese tasting", "the lighthouse", "the toy train", "the printing press", "the ghost tour", "the orchid room",
        "the fortress", "the zip line",
    ),
    absent=("the water slide", "the bookshop", "the stadium", "the laser show", "the petrol station", "the bank"),
    attributes={
        "hours": Attribute(
            ("Between {v} and {w} {t} is open to everybody.", "{T}: daily, {v} to {w}.", "We open {t} at {v} and close it at {w}.",
             "{T} is accessible from {v} through {w}."),
            ("when may I visit {t}", "does {t} have opening hours", "at which time does {t} open", "how early can I get into {t}",
             "when do you shut {t}", "until when can people enter {t}"),
            ("when is that open", "and its hours", "what time does that close"),
            (("seven", "three"), ("quarter past nine", "four"), ("one", "eight"), ("ten", "midnight")),
        ),
        "price": Attribute(
            ("{T} is {v} pounds a head.", "Everybody pays {v} pounds for {t}.", "The fee for {t} is {v} pounds.",
             "One ride or visit of {t}: {v} pounds."),
            ("how much money is {t}", "what is the fee for {t}", "how much would {t} set me back", "tell me the price of {t}",
             "do I have to pay for {t}", "what's {t} going to cost me"),
            ("and the price", "how much for that", "what would it cost"),
            tuple((p, "") for p in ("two", "six fifty", "eight", "twelve", "nineteen", "thirty-one")),
        ),
        "place": Attribute(
            ("{T} stands {v}.", "Follow the path {v} to {t}.", "{T} is situated {v}.", "Look for {t} {v}."),
            ("where do we find {t}", "where can I see {t}", "what's the way to {t}", "in which part is {t}",
             "how can I get to {t}", "I can't find {t}, where is it"),
            ("where's that", "and how do I get there", "where must I go"),
            tuple((p, "") for p in ("beyond the chapel", "along the river", "on the north side", "under the big arch",
                                    "above the car park", "in the old quarter")),
        ),
        "person": Attribute(
            ("The keeper of {t} is {v}.", "{v} takes care of {t}.", "For {t} please speak to {v}.", "{T} is led by {v}."),
            ("who is the keeper of {t}", "who should I speak to about {t}", "who leads {t}", "whose job is {t}",
             "who knows about {t}", "is there somebody who looks after {t}, who is it"),
            ("and who looks after it", "who should I talk to"),
            tuple((n, "") for n in ("Greta Nilsen", "Omar Farouk", "Bea Castle", "Captain Moreau", "Miss Tanaka")),
        ),
        "long": Attribute(
            ("You will need {v} minutes for {t}.", "{T} goes on for {v} minutes.", "Allow {v} minutes for {t}.",
             "The whole of {t} is done in {v} minutes."),
            ("how long does {t} last", "how long will {t} take me", "how many minutes should I allow for {t}",
             "how much time does {t} need", "what's the duration of {t}"),
            ("how long is that", "and the duration", "how much time will I need"),
            tuple((n, "") for n in ("ten", "twenty-five", "fifty-five", "seventy")),
        ),
    },
    other=("what about {t} then", "and for {t}", "{t} too", "now {t}"),
    off=(
        "who invented the telephone", "how is the traffic", "what should I wear tomorrow", "can you lend me your pen",
        "what did you have for lunch", "is the moon full tonight", "how do I fix a bicycle", "where does my uncle live",
        "what is your favourite colour", "how many planets are there", "sell me a house", "who is that man over there",
    ),
    tools="""
[[tools]]
name = "set_blinds"
description = "Raise or lower the blinds to a height in percent"
parameters = { position = { type = "integer", minimum = 0, maximum = 100, unit = "percent" } }
[[tools]]
name = "guide_to"
description = "Guide a visitor to a place"
parameters = { place = ["exit", "toilets", "cafe", "shop"] }
[[tools]]
name = "call_person"
description = "Call a person by telephone"
parameters = { name = "string" }
[[tools]]
name = "set_heating"
description = "Turn the heating on or off"
parameters = { on = "boolean" }
""",
    requests=(
        ("lower the blinds to thirty percent", "set_blinds", {"position": 30}),
        ("please raise the blinds to a hundred percent", "set_blinds", {"position": 100}),
        ("could you put the blinds at 45 percent", "set_blinds", {"position": 45}),
        ("guide me to the exit", "guide_to", {"place": "exit"}),
        ("can you take me to the toilets", "guide_to", {"place": "toilets"}),
        ("I want you to lead me to the shop", "guide_to", {"place": "shop"}),
        ("call maria fernandez", "call_person", {"name": "maria fernandez"}),
        ("please phone doctor brown", "call_person", {"name": "doctor brown"}),
        ("turn on the heating", "set_heating", {"on": True}),
        ("switch the heating off please", "set_heating", {"on": False}),
        ("don't call anybody", "", {}),
        ("raise the roof", "", {}),
        ("burn the blinds", "", {}),
        ("set the blinds to two hundred percent", "", {}),
        ("when did you last call somebody", "", {}),
    ),
)  # fmt: skip

SETS = {"tune": TUNE, "seen": SEEN, "held": HELD}
