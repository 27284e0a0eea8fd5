"""English, for the answerer: see `language.py` for what each table is for."""

from __future__ import annotations

from pathlib import Path

from engine.partner import english_patterns as patterns
from engine.partner import english_sayings as sayings
from engine.partner import english_words as words
from engine.partner.language import Language

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]
_TEENS = ["seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]

_COST = (
    "cost price fee fare charge_for pay paid much expensive cheap rate admission_price euro dollar pound franc cent "
    "pence penny percent reduced free"
)

_TIME = (
    "time late early date day year month hour open close shut start begin end finish stop schedule timetable "
    "latest earliest opening_times opening_hours business_hours"
)

_HOW = (
    r"^((?:and |then |the )*)(?!(?:how|so|too|very|quite|pretty|great|that|this|as|not|it|is|if|when|while|where"
    r"|because|since|but) )\w+ (?=(HOW) "
    r"(is|are|was|were|does|do|did|can|could|will|would|may|must|have|has)\b)"
)
"""What else would stand before it? "How" is short, and little of it is left in noise."""

_WORDS = Path(__file__).with_name("words")


def _lines(name: str) -> tuple[str, ...]:
    return tuple(
        line for line in (_WORDS / f"{name}.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )


ENGLISH = Language(
    contractions=words.CONTRACTIONS,
    irregular=words.IRREGULAR,
    stop=words.STOP,
    light=words.LIGHT,
    companions=words.COMPANIONS,
    does="do does did",
    subjects="i we you he she it they one someone somebody anyone anybody people",
    same=_lines("same"),
    leads=_lines("leads"),
    likely=sayings.LIKELY,
    everyday=sayings.EVERYDAY,
    context=sayings.CONTEXT,
    phrases=sayings.PHRASES,
    kinds=patterns.KINDS,
    asks=patterns.ASKS,
    requests=patterns.REQUESTS,
    polite=patterns.POLITE,
    aside=patterns.ASIDE,
    linking=patterns.LINKING,
    forbids=patterns.FORBIDS,
    states=patterns.STATES,
    asks_later=patterns.ASKS_LATER,
    states_anew=patterns.STATES_ANEW,
    denies="no not never cancel nobody none nothing neither already without forget stop avoid hardly refuse",
    not_now="if when unless until before after or not no wait yesterday tomorrow tonight soon later once other another "
    "every daily always whenever morning afternoon evening night case",
    fillers=patterns.FILLERS,
    trailing=patterns.TRAILING,
    wishes=patterns.WISHES,
    points=patterns.POINTS,
    of_age=patterns.OF_AGE,
    of_the_young=patterns.OF_THE_YOUNG,
    follow=patterns.FOLLOW,
    follow_tail=r"\b(too|as well|instead)",
    before_thing=(
        "a an the my your our his her their its this that these those some any no every each another of to for in "
        "on at "
        "with from by about into near which or and without many much more"
    ),
    talk=patterns.TALK,
    endings=(
        ("ies", "y", 2),
        ("sses", "ss", 1),
        ("ches", "ch", 2),
        ("shes", "sh", 2),
        ("xes", "x", 2),
        ("'s", "", 1),
        ("ss", "ss", 1),
        ("us", "us", 2),
        ("s", "", 3),
        ("ying", "y", 2),
        ("ing", "", 3),
        ("ied", "y", 2),
        ("ed", "", 3),
    ),
    numbers={
        **{word: float(i) for i, word in enumerate([*_ONES, *_TEENS])},
        **{word: float(10 * i) for i, word in enumerate(_TENS, 2)},
        "dozen": 12.0,
    },
    tens={"hundred": 100, "thousand": 1000},
    ordinals={word: i for i, word in enumerate(_ORDINALS, 1)},
    about_count="more less fewer least most than about around roughly nearly almost exactly just only up",
    minus="minus negative",
    half="half",
    and_="and",
    article="a an",
    articles="a an the our my your their all every this these some",
    homophones={
        "to": "two",
        "too": "two",
        "for": "four",
        "fore": "four",
        "ate": "eight",
        "won": "one",
        "tree": "three",
    },
    roots=(
        "ations",
        "ation",
        "itions",
        "ition",
        "ments",
        "ment",
        "ances",
        "ance",
        "ions",
        "ion",
        "ors",
        "or",
        "ers",
        "er",
        "als",
        "al",
        "ness",
        "ful",
        "ists",
        "ist",
        "ings",
        "ing",
        "ives",
        "ive",
        "ables",
        "able",
        "ly",
        "y",
        "e",
    ),
    near=("open close", "start end", "start open", "end close", "late longer"),
    opposites=(
        "open close",
        "start stop",
        "lock unlock",
        "up down",
        "lift lower",
        "show hide",
        "color black_and_white",
    ),
    days=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    day_ranges={
        "weekday": (0, 1, 2, 3, 4),
        "workday": (0, 1, 2, 3, 4),
        "weekend": (5, 6),
        "daily": tuple(range(7)),
        "every_day": tuple(range(7)),
        "all_week": tuple(range(7)),
        "during_the_week": (0, 1, 2, 3, 4),
    },
    to="to through till until",
    ranges="to through till until between",
    hours="open close",
    months=(
        "january february march april may june july august september october november december winter summer autumn "
        "spring christmas easter"
    ),
    currencies="euro dollar pound franc cent pence penny yen krone crown quid buck",
    free="free",
    cost=_COST,
    times=(
        "half_past quarter_past quarter_to noon midnight oclock morning afternoon evening at_night "
        "by_night dawn dusk midday sunset am pm"
    ),
    before_time="at from until till to past by before after between around about and",
    durations="second minute hour day week month year night",
    ahead="before ahead advance prior beforehand earlier after",
    soon="within",
    before_month="of in since from until till to by before after during through",
    an_age="age",
    age="age aged old older oldest young younger youngest",
    ages="year month",
    before_age="under over above below least most than age aged",
    distances="meter metre centimeter centimetre kilometer kilometre mile foot inch yard millimeter millimetre",
    repeats="every once twice daily hourly weekly monthly each times",
    places="downstairs upstairs outside inside basement ground_floor roof lobby hallway corner "
    "over_there to_your_left to_your_right",
    listener="you",
    pointing="here there",
    rooms="room hall floor platform building level gate counter stand aisle screen track wing terminal",
    sides="left right",
    by="by",
    through="through over up down past from around across along into onto",
    before_place=(
        "in on at into onto past down up over through from around behind beside opposite next_to under underneath near "
        "across beneath above below along alongside between beyond within"
    ),
    titles="doctor dr mister mr mrs ms miss missis professor prof sister father captain",
    capitals=(
        "i monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
        "september october november december english french german spanish arabic italian chinese europe american "
        "british wifi"
    ),
    by_people=(
        "usher sailor porter waiter guard warden ranger lifeguard receptionist assistant staff attendant cashier "
        "caretaker technician mechanic pharmacist librarian trainer coach instructor captain pilot driver gardener "
        "baker "
        "butcher hairdresser team crew conductor helper steward nurse doctor teacher guide volunteer owner family"
    ),
    people=(
        "look looks responsible care charge lead leads led run runs manage manages organises manager keeper director "
        "doctor nurse chef boss head owner founder teacher guide leader interpreter"
    ),
    adults="adult",
    verbs=(
        "give gives spend spends "
        "is are was were be can may must should will would has have had do does did costs cost opens open closes close "
        "starts start begins begin leaves leave takes take runs run lasts last pay pays comes come stands stand serves "
        "makes make live lives need needs sees wait waits seats hangs meet park go goes ends end stay stays lies sells "
        "sell offers offer includes arrives arrive departs depart hosts meets works rents accepts holds hold "
        "contains contain belongs sits lead leads ships"
    ),
    kind_words={
        "price": _COST.replace("reduced", "")
        + " admission charge owe come entry visit ticket_price money set back amount total",
        "time": _TIME,
        "hours": _TIME,
        "place": (
            "room floor part area section wing corner side platform direction get go come find way reach point "
            "address located location see walk"
        ),
        "long": "long minute hour day week month year time take need plan last duration length second visit",
        "extent": "long minute hour day week month year time duration length last",
        "often": "often frequently time regularly",
        "count": (
            "number people person capacity room space seat crowd group party folk limit maximum handle visitor guest"
        ),
        "person": (
            "person name job task duty keeper chief guide technician warden responsible care charge_of in_charge "
            "look_after ask speak talk head boss manager run lead look take_care contact own owner belong turn behind"
        ),
        "far": "far distance close",
        "amount": "",
        "size": "big large tall high deep wide heavy strong fast",
        "old": "old age year age_limit minimum_age young minimum maximum limit",
    },
    mishearings={
        "wear": "where",
        "ware": "where",
        "were": "where",
        "wen": "when",
        "win": "when",
        "wince": "when is",
        "watt": "what",
        "weigh": "way",
        "hoe": "how",
        "whirs": "where is",
        "wears": "where is",
        "hoo": "who",
        "muck": "much",
        "match": "much",
        "costs": "cost",
        "clothes": "close",
        "clothe": "close",
        "whence": "when is",
    },
    always_misheard=((_HOW.replace("HOW", "much|many"), r"\1how "),),
    misheard=((_HOW.replace("HOW", "far|long|often|old|late"), r"\1how "),),
    ask_day=patterns.ASK_DAY,
    defaults={"price": "ticket", "time": "open", "hours": "open"},
    informs="tell say read check report look find get measure ask show",
    pronouns="it that they them there this those these he she him her one ones its their",
    yes=(
        "yes yeah yep sure okay ok do_it go_ahead of_course certainly definitely right correct please_do absolutely "
        "yup that_is_right that_is_correct it_is_right no_problem why_not please"
    ),
    with_yes="please do it this the a an you may should now thank thanks really indeed for me us i want",
    no="no nope not never cancel don't nah forget stop wrong better_not",
    with_no=(
        "i we you me us it that this the a an do does did please thank thanks now then yet at all just mind rather "
        "would like want need to have let leave be is on again so sorry okay oh well i_am still really today"
    ),
    states_be="is are was were am",
    particles="on off",
    switches="switch turn put set leave keep",
    no_request="ed ing",
    excepting="but except without not no never",
    handing="get fetch bring send give call",
    wheres="where way place find map",
    stops="stop halt",
    true="on yes true enable enabled activate start",
    false="off no false disable disabled deactivate stop not",
    naming=(
        r"^(?:(?:the|my|her|his|its|their) (?:name|title)(?: is| was)? |(?:i am|he is|she is|it is|they are) "
        r"(?:called |named )?|called |named )"
    ),
    sets="set adjust change put",
    free_text="text message words sentence note announcement",
    units={
        "meter": ("meter", 1.0),
        "metre": ("meter", 1.0),
        "m": ("meter", 1.0),
        "centimeter": ("meter", 0.01),
        "centimetre": ("meter", 0.01),
        "cm": ("meter", 0.01),
        "millimeter": ("meter", 0.001),
        "millimetre": ("meter", 0.001),
        "kilometer": ("meter", 1000.0),
        "kilometre": ("meter", 1000.0),
        "foot": ("meter", 0.3048),
        "inch": ("meter", 0.0254),
        "yard": ("meter", 0.9144),
        "mile": ("meter", 1609.344),
        "second": ("second", 1.0),
        "sec": ("second", 1.0),
        "minute": ("second", 60.0),
        "hour": ("second", 3600.0),
        "day": ("second", 86400.0),
        "degree": ("degree", 1.0),
        "percent": ("percent", 1.0),
        "gram": ("gram", 1.0),
        "kilogram": ("gram", 1000.0),
        "kilo": ("gram", 1000.0),
        "liter": ("liter", 1.0),
        "litre": ("liter", 1.0),
        "milliliter": ("liter", 0.001),
        "euro": ("euro", 1.0),
        "dollar": ("dollar", 1.0),
    },
)

LANGUAGES = {"en": ENGLISH}
"""By the first part of their tag."""
