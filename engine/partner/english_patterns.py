"""How sentences begin and end in English, as patterns over words in small letters: see `language.py` for what each is
for. Alternatives stand side by side."""

from __future__ import annotations

# fmt: off

_UNTIL = r"(?!.*\b(open|closed|running|available|valid)\b|.*\bon$)"

KINDS = (
    ("extent", (
        r"\bhow long (is|are|was) (it|that|this|these|those|the|your|a|an|one)\b" + _UNTIL,
    )),
    ("long", (
        r"\bhow much (time|longer)", r"\bhow many (minutes|hours|days|weeks|months|years|seconds|nights)\b",
        r"\bhow long\b(?!.*\b(open|closed|running|available|valid)\b|.*\bon$)", r"\bhow (quickly|quick|soon)\b",
        r"\bhow fast (can|will|do|does) (i|we|he|she|they|one)\b", r"\b(the|what) (duration|length)\b",
        r"\bhow much of my time\b", r"\btakes? long\b",
    )),
    ("often", (
        r"\b(often|regularly|frequently)$", r"\b(is|are|do|does) .*\b(regularly|frequently)\b", r"\bhow often",
        r"\bhow frequently", r"\bhow regularly", r"\bhow many times\b", r"\bhow frequent\b",
    )),
    ("amount", (
        (r"\bhow much (can|could|do|does|did) (you|it|they|i|we|he|she|this|that)\b(?!.*\b(cost|costs|charge|pay"
         r"|owe|take|want|ask|get|need)\b)"),
    )),
    ("count", (
        r"\bhow (big|large) (a|is the|can a|may a) (crowd|group|party)\b",
    )),
    ("size", (
        r"\bhow (fast|strong|heavy|tall|big|large|high|deep|wide)\b",
    )),
    ("price", (
        r"\bhow much\b", r"\bhow many (euros|dollars|pounds|francs|cents|pence|bucks|quid|kronor|yen)\b",
        r"\bhow (expensive|cheap|pricey)\b",
        r"\b(cost|costs|price|prices|priced|fare|fares|fee|fees|tariff|rates|surcharge)\b", r"\bexpensive\b",
        r"\bset (me|us|you) back\b", r"\bcheap\b", r"\bwhat (do|does|did|will|would|is) .*\bcharged?\b",
        r"\bdo you charge (for|anything|any|a|extra|money)\b", r"\bis there a charge\b",
        r"\bwhat (do|would|will|must) (i|we) (owe|pay)\b", r"\b(do|does|must|should) .*\b(have to |need to |)pay\b",
        r"\b(is|are|for|get in|come in|go in) (for )?free( of charge)?$", r"^(is|are) .*\bfree( of charge)?$",
        r"\bwhat is the (admission|entry|entrance)\b", r"\bwhat is admission\b",
    )),
    ("count", (
        r"\bhow many\b", r"\b(what|maximum) number of\b", r"\b(is|are) there (enough )?(room|space|seats) for\b",
        r"\b(the most|maximum) (people|visitors|guests|persons)\b", r"\bcapacity\b",
    )),
    ("far", (
        r"\bhow far\b", r"\bwhat distance\b", r"\bhow close\b", r"\bhow near\b",
    )),
    ("old", (
        r"\bhow (old|young)\b", r"\bage (limit|restriction)\b", r"\b(minimum|maximum) age\b",
        r"\b(old|young) enough\b", r"\btoo (young|old)\b",
        r"\bwhat age\b", r"\bwhich age\b",
    )),
    ("hours", (
        r"\bfrom when (to|till|until) when\b", r"\bbetween (what|which) times\b",
        r"\b(opening|visiting) (hours|times)\b",
        r"\bfrom what time (to|till|until) what\b", r"\b(what|which) hours\b", r"\b(its|your|the|their) hours\b",
    )),
    ("time", (
        r"\b(know|say|tell|me|us|sure|idea|remember|wonder|check|see) when\b",
        (r"^(?!(?:(?:can|could|may|do|does|is|are|will|would|should|what|where|who|how|which)\b|.*\b(?:what|where|who|how"
         r"|which)\b).*\bwhen (?:i|we|you|he|she|it|they|the|my|our)\b).*\bwhen\b"),
        r"\bhow long is .*\b(on|valid|good for)$", r"\b(what|which) times?\b",
        r"\b(what|which) hours?\b", r"\bhow late\b", r"\bhow early\b",
        r"\bhow long .*\b(open|closed|running|available)\b",
        r"\b(opening|visiting|business|office|working) (hours|times)\b",
        r"\bwhat are .* hours\b", r"\b(which|what) (days?|date|year|month|weekday)\b",
        r"^(are|is) .*\b(open|closed)\b", r"\b(do|does) .*\b(open|close)\b",
        r"\b(its|the|their|your) (hours|times)\b", r"\bschedule\b", r"\btimetable\b",
    )),
    ("place", (
        r"\bwhere\b", r"\bwhereabouts\b",
        (r"\b(which|what) (way|room|floor|platform|direction|hall|gate|level|building|street|side|part|area"
         r"|section|wing|corner|exit|stop|address|counter|desk|aisle|shelf|storey|terminal)\b(?! (is|are)"
         r" (called|named))"),
        (r"\bhow (do|can|could|would|should|shall|might|to) (i|we|you|one)? ?(get|go|come|walk|drive) (to|there"
         r"|from)\b"),
        r"\bhow (do|can|could|would|should) (i|we|you|one) (find|reach)\b",
        r"\b(looking for|trying to find|directions|way to|address)\b",
        r"\b(point|direct|guide|lead|send) (me|us) (to|towards)\b",
        r"\blocation of\b", r"\blocated\b",
        r"\b(is there|are there|need|want|know|know of|have you got|you got|you have|find) (somewhere|anywhere)\b",
        r"^somewhere (to|for|i|we)\b", r"\b(put|leave|store|park|keep|drop|rest|sit|wait) .*\bsomewhere$",
    )),
    ("person", (
        r"(?<!someone )(?<!somebody )(?<!anyone )(?<!anybody )\bwho\b", r"\bwhom\b", r"\bwhose\b",
        r"\bwhat is (his|her|their) name\b",
        (r"\bwhat is the name of the (person|one|man|woman|lady|guy|manager|director|doctor|boss|owner|chef|head"
         r"|teacher|guide)\b"),
        r"\bwhich person\b",
    )),
)

ASKS = (r"(and |but |so )?(what|where|when|who|whom|whose|which|why|how|is|are|was|were|do|does|did|may|might"
     r"|should|am|at what|from what|up to what|to what|in what|from which|from where|on which|in which|until when"
     r"|till when|since when|for how|can (i|we|one|my|the)|could (i|we)|has|have|any)\b")

REQUESTS = (r"((can|could|would|will) you (please |kindly |now |just |perhaps |mind )*|(please|kindly) |(i|we) (want"
     r"|would like|need) you to |go ahead and |(i|we) (want|would like|need) to |(i|we) (want|would like|need) |let"
     r" us )")

POLITE = r"((can|could|would|will) you|please|kindly) "

ASIDE = (
    "whenever when if unless until before after case should would could provided every always never say says "
    "said saying ask asks asked tell tells told shout shouted think thinks thought believe hear heard read "
    "sign written once while yesterday tomorrow tonight later soon then not do does did why who because or"
)

LINKING = r"(now|then|and|so|okay|ok|just|also|next) "

FORBIDS = r"(please )?(do not|never|you (must|should|may|can) not|stop)\b"

STATES = (r"(?!(i|we) (want|would like|need|wish|would love|will have|will take|have to)\b)((i|we|you|he|she|it|they"
     r"|there|this|my|our|your|his|her|their|someone|somebody|everyone|everybody)\b|.*\b(is|are|am|was|were|has"
     r"|had|been)\b)")

ASKS_LATER = (r"\b(what|where|when|who|which|why|how)\b|\b(can|could|may|should|do|does|did|is|are|will|would|am"
     r"|shall) (i|we|you|it|that|this|there|he|she|they|someone|somebody|anybody|anyone)\b")

STATES_ANEW = (r"((because|since|so|but|and|as|if|while|when|before|after) )?(i|we|he|she|they) (am|are|is|was|were"
     r"|have|has|had|want|need|would|will|just|do|did|left|lost|can not)\b|(because|since|if|while) "
     r"|(before|that is) |(my|our) \w+ (is|are|was|has|have|had|wants|needs|does|would)\b")

FILLERS = (r"(um+|uh+|er+|ah+|oh|well|so|okay|ok|hey|excuse me|sorry|pardon( me)?|hello( there)?|hi( there)?|good"
     r" (morning|afternoon|evening|day)|please|(can|could|would|will) you (please |maybe |perhaps |kindly"
     r" )?(tell|inform|let) (me|us)( know)?( about)?|do you (happen to )?know( about)?|i (would like|want|need)"
     r" to know( about)?|i was wondering|i wonder|(please )?tell (me|us)( about| please)?|i have a question|one"
     r" question|may i ask( you)?|any idea|do you have any idea|i would like to ask|can i ask( you)?|by the way|dear"
     r"|darling)\b")

TRAILING = (r"\b(please|thanks|thank you|then|now|right now|you know|by any chance|exactly|at the moment|sir|madam"
     r"|dear|darling|sweetheart)")

WISHES = r"(i|we) (want|would like|need|wish|would love|have to|am|are|will have|will take|lost|cut|have)\b"

POINTS = (r"\b(for|of|to|in|into|at|with|from|by|on|about|find|see|reach|visit|near) (it|them|that|this|there)( please"
     r"| then)?$|(?<!is )(?<!are )\bthere$")

ASK_DAY = r"\b(what|which) (days?|weekday)\b|\bis there a day\b|\b(some|certain|any) days\b"

OF_THE_YOUNG = (r"\b(kids?|child|children|toddlers?|bab(y|ies)|son|daughter|teenagers?)\b.*\b(allowed|welcome|let in"
     r"|come in|go in|get in|enter)\b|\b(can|may|could|are we allowed to|am i allowed to) ?(i|we)? (take|bring) .*"
     r"\b(kids?|child|children|toddlers?|baby|son|daughter)\b")

OF_AGE = (r"\b(i|he|she|who|daughter|son|child|kid|boy|girl|baby|one|\w+son|\w+daughter) (is|am) (only |just |already "
     r"|nearly |almost )?")

FOLLOW = (r"(and|now|next|how is it with|how does it look (with|for)|"
     r"what about|how about|what of|or|but|also|then|(the )?same( question| thing)?( for| with|"
     r" about)?|as well as|in (the )?case of|as for|regarding|concerning|what if it is|is (that|it) the same)\b")

TALK = (
    ("hello", (
        (r"(hello|hi|hey|hey there|hello there|hi there|good (morning|afternoon|evening|day)|greetings|howdy"
         r"|hello hello|nice to meet you|please)( everybody| everyone| all| again)?"),

    )),
    ("thanks", (
        (r"(okay |ok |great |perfect |good |wonderful |all right |alright )?(thank you|thanks|many thanks"
         r"|cheers)( very much| so much| a lot| for (your|the) help| for that| again| indeed)?( (good)?bye)?"),

    )),
    ("bye", (
        (r"(okay |ok |thanks |thank you |well )?(goodbye|good bye|bye|bye bye|see you|see you later|see you soon"
         r"|good night|farewell|have a nice day|have a good day|so long|i have to go( now)?)( then| now)?"),

    )),
    ("how", (
        r"how (are|do) you( do)?( doing)?( today)?", r"are you (okay|well|fine|all right)",
    )),
    ("who", (
        r"(and )?(who|what) (are|is) (you|your name|this)", r"what (do|should|can) (i|we) call you",
        r"what are you called", r"do you have a name", r"tell (me|us) (about yourself|your name|who you are)",
        r"who am i (talking|speaking) (to|with)", r"are you (a robot|human|a computer|real|a person|a machine)",
        r"introduce yourself", r"your name",
    )),
    ("can", (
        r"what (can|do) you (do|know|know about|tell me|tell us|help me with|help with)( for me| for us)?",
        r"what (can|may|could|should) i (ask|say)( you)?", r"(can you )?help( me| us)?( out)?",
        r"how can you help( me| us)?", r"what (are|is) your (skills|abilities|purpose|job)", r"what do you know",
        r"what are you (good |there )?for", r"what is possible", r"what else( can you do| do you know)?",
    )),
    ("again", (
        (r"(sorry |pardon |excuse me )?((can|could|would) you )?(please )?(say|repeat) (that|it|this)?("
         r" please)?( again| once more| one more time)?"),
        r"(please )?repeat( please)?", r"pardon( me)?", r"sorry", r"what", r"what did you say", r"come again",
        r"i (did not|could not|can not) (hear|catch|understand) (you|that|it|what you said)", r"once more", r"again",
        r"(say )?that again", r"huh", r"excuse me", r"i beg your pardon",
    )),
    ("fine", (
        (r"(okay|ok|all right|alright|fine|good|great|perfect|i see|understood|got it|cool|nice|wonderful"
         r"|super)( then| good| great)?"),

    )),
    ("stop", (
        r"stop( it| talking| that)?", r"be quiet", r"quiet", r"shut up", r"enough", r"that is enough", r"silence",
        r"cancel", r"never mind",
    )),
    ("wait", (
        r"wait( a (minute|moment|second))?", r"hold on", r"one (moment|second|minute)",
        r"just a (moment|second|minute)",
    )),
    ("clock", (
        r"what time is it( now)?", r"what is the time( now)?", r"what (day|date) is (it|today)( today)?",
        r"what is the date( today)?",
    )),
)
