"""How sentences begin and end in English, as patterns over words in small letters: see `language.py` for what each is for."""

from __future__ import annotations

# fmt: off

KINDS = (
    ((r"\b(how much|what (is|are|was) the (price|cost|fare|fee|charge)|what (do|does|did|will|would) .*\b(cost|charge)"
     r"|is .* free$|are .* free$|how expensive|what .* prices?|(do|does) .* (have|need) to pay|fare|price of|fee for)\b"),
     "price"),
    (r"\b(how many|what number of)\b", "count"),
    (r"\b(how often|how frequently|how regularly)\b", "often"),
    (r"\bhow long .*\b(open|closed)\b|^(are|is) .*\b(open|closed)\b", "time"),
    (r"\b(how long|how quickly|how quick|how fast|how soon|for how long)\b", "long"),
    (r"\b(how far|what distance)\b", "far"),
    (r"\b(how old)\b", "old"),
    ((r"\b(when|what times?|at what time|which times?|what hours|how late|how early|until when|till when|since when|"
     r"opening hours|opening times|visiting hours|what are .* hours|which days?|what days?|what date|which date|"
     r"what year|which year)\b"), "time"),
    ((r"\b(where|whereabouts|in which room|on which floor|what floor|which floor|which room|what room|which direction|"
     r"from where|how (do|can|could|would) (i|we|you|one) (get|go|come) (to|there)|(i am|we are) looking for)\b"), "place"),
    (r"\b(who|whom|whose)\b", "person"),
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

FOLLOW = r"(and|what about|how about|what of|or|but|also|then|same for|the same for|as well as)\b"

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
