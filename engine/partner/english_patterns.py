"""How sentences begin and end in English, as patterns over words in small letters: see `language.py` for what each is for."""

from __future__ import annotations

# fmt: off

KINDS = (
    (r"\bhow much (time|longer)|\bhow many (minutes|hours|days|weeks|months|years|seconds|nights)\b|\bhow long\b(?!.*\b(open|closed)\b)"
     r"|\bhow (quickly|quick|soon)\b|\bhow fast (can|will|do|does) (i|we|he|she|they|one|that|it)\b|\b(the|what) (duration|length)\b|\bhow much of my time\b", "long"),
    (r"\bhow often|\bhow frequently|\bhow regularly|\bhow many times\b|\bhow frequent\b", "often"),
    (r"\bhow much (can|could|do|does|did) (you|it|they|i|we|he|she|this|that)\b(?!.*\b(cost|costs|charge|pay|owe|take|want|ask|get|need)\b)"
     r"|\bhow (fast|strong|heavy|tall|big|large|high|deep|wide)\b", "amount"),
    (r"\bhow much\b|\bhow many (euros|dollars|pounds|francs|cents|pence|bucks|quid|kronor|yen)\b|\bhow (expensive|cheap|pricey)\b"
     r"|\b(cost|costs|price|prices|priced|fare|fares|fee|fees|tariff|rates|surcharge)\b|\bexpensive\b|\bset (me|us|you) back\b|\bcheap\b"
     r"|\bwhat (do|does|did|will|would|is) .*\bcharged?\b|\bdo you charge (for|anything|any|a|extra|money)\b|\bis there a charge\b|\bwhat (do|would|will|must) (i|we) (owe|pay)\b"
     r"|\b(do|does|must|should) .*\b(have to |need to |)pay\b|\b(is|are|for|get in|come in|go in) (for )?free( of charge)?$|^(is|are) .*\bfree( of charge)?$|\bwhat is the (admission|entry|entrance)\b"
     r"|\bwhat is admission\b", "price"),
    (r"\bhow many\b|\bwhat number of\b|\bhow big a group\b", "count"),
    (r"\bhow far\b|\bwhat distance\b|\bhow close\b|\bhow near\b", "far"),
    (r"\bhow old\b|\bwhat age\b|\bwhich age\b", "old"),
    (r"\bwhen\b|\b(what|which) times?\b|\b(what|which) hours?\b|\bhow late\b|\bhow early\b|\bhow long .*\b(open|closed)\b"
     r"|\b(opening|visiting|business|office|working) (hours|times)\b|\bwhat are .* hours\b|\b(which|what) (days?|date|year|month|weekday)\b"
     r"|^(are|is) .*\b(open|closed)\b|\b(do|does) .*\b(open|close)\b|\b(its|the|their|your) (hours|times)\b|\bschedule\b|\btimetable\b", "time"),
    (r"\bwhere\b|\bwhereabouts\b|\b(which|what) (way|room|floor|platform|direction|hall|gate|level|building|street|side|part|area|section|wing|corner|exit|stop|"
     r"address|counter|desk|aisle|shelf|storey|terminal)\b(?! (is|are) (called|named))|\bhow (do|can|could|would|should|shall|might|to) (i|we|you|one)? ?"
     r"(get|go|come|walk|drive) (to|there|from)\b|\bhow (do|can|could|would|should) (i|we|you|one) (find|reach)\b|\b(looking for|directions|way to|address)\b"
     r"|\b(point|direct|guide|lead|send) (me|us) (to|towards)\b|\blocation of\b|\blocated\b", "place"),
    (r"\bwho\b|\bwhom\b|\bwhose\b|\bwhat is (his|her|their) name\b|\bwhat is the name of the (person|one|man|woman|lady|guy|manager|director|doctor|boss|"
     r"owner|chef|head|teacher|guide)\b|\bwhich person\b", "person"),
)

ASKS = (
    r"(and |but |so )?(what|where|when|who|whom|whose|which|why|how|is|are|was|were|do|does|did|may|might|should|am|"
    r"at what|from which|from where|on which|in which|until when|till when|since when|for how|can (i|we|one|my|the)|"
    r"could (i|we)|has|have|any)\b"
)

REQUESTS = (
    r"((can|could|would|will) you (please |kindly |now |just |perhaps )*|(please|kindly) |i (want|would like|need) you to "
    r"|go ahead and |i (want|would like|need) to |i (want|would like|need) |let us )"
)

LINKING = r"(now|then|and|so|okay|ok|just|also|next) "

FORBIDS = r"(please )?(do not|never|you (must|should|may|can) not|stop)\b"

FILLERS = (
    r"(um+|uh+|er+|ah+|oh|well|so|okay|ok|hey|excuse me|sorry|pardon( me)?|hello( there)?|hi( there)?|good (morning|"
    r"afternoon|evening|day)|please|"
    r"(can|could|would|will) you (please |maybe |perhaps |kindly )?(tell|inform|let) (me|us)( know)?"
    r"( about)?|do you (happen to )?know( about)?|i (would like|want|need) to know( about)?|i was wondering|i wonder|"
    r"(please )?tell (me|us)( about| please)?|i have a question|one question|may i ask( you)?|any idea|"
    r"do you have any idea|i would like to ask|can i ask( you)?|by the way)\b"
)

TRAILING = r"\b(please|thanks|thank you|then|now|right now|you know|by any chance|exactly|at the moment|sir|madam)"

WISHES = r"(i|we) (want|would like|need|wish|would love|have to|am|are|will have|will take|lost|cut|have)\b"

FOLLOW = (r"(and|now|next|what about|how about|what of|or|but|also|then|(the )?same( question| thing)?( for| with| about)?|as well as|in (the )?case of|"
          r"as for|regarding|concerning|what if it is|is (that|it) the same)\b")

TALK = (
    ("hello", (r"(hello|hi|hey|hey there|hello there|hi there|good (morning|afternoon|evening|day)|greetings|howdy|"
              r"hello hello|nice to meet you)( everybody| everyone| all| again)?")),
    ("thanks", (r"(okay |ok |great |perfect |good |wonderful |all right |alright )?(thank you|thanks|many thanks|cheers)"
               r"( very much| so much| a lot| for (your|the) help| for that| again| indeed)?( (good)?bye)?")),
    ("bye", (r"(okay |ok |thanks |thank you |well )?(goodbye|good bye|bye|bye bye|see you|see you later|see you soon|"
            r"good night|farewell|have a nice day|have a good day|so long|i have to go( now)?)( then| now)?")),
    ("how", r"how (are|do) you( do)?( doing)?( today)?|are you (okay|well|fine|all right)"),
    ("who", (r"(and )?(who|what) (are|is) (you|your name|this)|what (do|should|can) (i|we) call you|"
            r"what are you called|do you have a name|tell (me|us) (about yourself|your name|who you are)|"
            r"who am i (talking|speaking) (to|with)|are you (a robot|human|a computer|real|a person|a machine)|"
            r"introduce yourself|your name")),
    ("can", (r"what (can|do) you (do|know|know about|tell me|tell us|help me with|help with)( for me| for us)?|"
            r"what (can|may|could|should) i (ask|say)( you)?|(can you )?help( me| us)?( out)?|"
            r"how can you help( me| us)?|what (are|is) your (skills|abilities|purpose|job)|"
            r"what do you know|what are you (good |there )?for|what is possible|what else( can you do| do you know)?")),
    ("again", (r"(sorry |pardon |excuse me )?((can|could|would) you )?(please )?(say|repeat) (that|it|this)?( please)?"
              r"( again| once more| one more time)?|(please )?repeat( please)?|pardon( me)?|sorry|what|what did you say|"
              r"come again|i (did not|could not|can not) (hear|catch|understand) (you|that|it|what you said)|"
              r"once more|again|(say )?that again|huh|excuse me|i beg your pardon")),
    ("fine", (r"(okay|ok|all right|alright|fine|good|great|perfect|i see|understood|got it|cool|nice|wonderful|super)"
             r"( then| good| great)?")),
    ("stop", r"stop( it| talking| that)?|be quiet|quiet|shut up|enough|that is enough|silence|cancel|never mind"),
    ("wait", r"wait( a (minute|moment|second))?|hold on|one (moment|second|minute)|just a (moment|second|minute)"),
    ("clock", (r"what time is it( now)?|what is the time( now)?|what (day|date) is (it|today)( today)?|"
              r"what is the date( today)?")),
)
