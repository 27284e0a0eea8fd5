"""Words of English and their forms: see `language.py` for what each table is for."""

from __future__ import annotations

# fmt: off

CONTRACTIONS = {
    "what's": "what is", "where's": "where is", "when's": "when is", "who's": "who is", "how's": "how is",
    "it's": "it is", "that's": "that is", "there's": "there is", "here's": "here is", "let's": "let us",
    "i'm": "i am", "i'd": "i would", "i've": "i have", "i'll": "i will", "you're": "you are", "we're": "we are",
    "we'd": "we would", "we've": "we have", "they're": "they are", "you've": "you have", "isn't": "is not",
    "aren't": "are not", "can't": "can not", "cannot": "can not", "don't": "do not", "doesn't": "does not",
    "didn't": "did not", "won't": "will not", "wouldn't": "would not", "couldn't": "could not", "dont": "do not",
    "whats": "what is", "wheres": "where is", "o'clock": "oclock",
    "he's": "he is", "she's": "she is", "somebody's": "somebody is", "someone's": "someone is", "haven't": "have not",
    "hasn't": "has not", "hadn't": "had not", "wasn't": "was not", "weren't": "were not", "shouldn't": "should not",
    "you'll": "you will", "we'll": "we will", "they'll": "they will", "they've": "they have", "he'd": "he would",
    "she'd": "she would", "they'd": "they would", "you'd": "you would", "mustn't": "must not", "wanna": "want to",
    "wi-fi": "wifi", "gonna": "going to",
}

IRREGULAR = {
    "worn": "wear", "wore": "wear", "written": "write", "wrote": "write", "driven": "drive", "drove": "drive",
    "kept": "keep", "held": "hold", "met": "meet", "sent": "send", "brought": "bring", "thought": "think",
    "told": "tell", "sat": "sit", "stood": "stand", "slept": "sleep", "swum": "swim", "drunk": "drink",
    "sung": "sing", "flown": "fly", "flew": "fly", "grown": "grow", "known": "know", "knew": "know", "seen": "see",
    "saw": "see", "shown": "show", "woke": "wake", "woken": "wake", "chosen": "choose", "hidden": "hide",
    "built": "build", "lent": "lend", "spent": "spend", "felt": "feel", "heard": "hear", "led": "lead",
    "caught": "catch", "taught": "teach", "said": "say", "got": "get", "came": "come", "became": "become",
    "begins": "begin", "hung": "hang", "dealt": "deal", "meant": "mean", "read": "read", "rode": "ride",
    "ridden": "ride", "risen": "rise", "sought": "seek", "shone": "shine", "stole": "steal",
    "stolen": "steal", "tore": "tear", "torn": "tear", "threw": "throw", "thrown": "throw",
    "understood": "understand", "wound": "wind", "bent": "bend", "bit": "bite", "bitten": "bite", "blew": "blow",
    "blown": "blow", "broke": "break", "drew": "draw", "drawn": "draw", "fell": "fall", "fallen": "fall",
    "fought": "fight", "forgot": "forget", "forgotten": "forget", "froze": "freeze", "frozen": "freeze",
    "gave": "give", "hid": "hide", "laid": "lay", "lay": "lie", "lit": "light", "teeth": "tooth",
    "people": "person",
    "opening": "open", "men": "man", "women": "woman", "children": "child", "feet": "foot", "left": "left",
    "fed": "feed", "bought": "buy", "sold": "sell", "made": "make", "taken": "take", "took": "take",
    "began": "begin", "begun": "begin", "shut": "shut", "is": "be", "are": "be", "was": "be", "were": "be",
    "has": "have", "had": "have", "does": "do", "did": "do", "done": "do", "goes": "go", "went": "go",
    "gone": "go", "left_luggage": "left_luggage", "this": "this", "ate": "eat", "eaten": "eat", "lost": "lost",
    "found": "find", "founded": "found", "evening": "evening", "morning": "morning", "building": "building",
    "during": "during", "lives": "live", "wives": "wife", "knives": "knife", "mice": "mouse", "paid": "pay",
    "spoke": "speak", "spoken": "speak", "broken": "broken", "ran": "run", "runs": "run", "running": "run",
    "swimming": "swim", "plus": "plus", "bus": "bus", "buses": "bus", "gas": "gas", "always": "always",
    "using": "use", "used": "use", "closing": "close", "closed": "close", "closes": "close", "taking": "take",
    "ring": "ring", "king": "king", "string": "string", "thing": "thing", "nothing": "nothing",
    "something": "something", "anything": "anything", "everything": "everything", "red": "red", "bed": "bed",
    "need": "need", "speed": "speed", "seed": "seed", "indeed": "indeed", "hundred": "hundred", "news": "news",
    "ceiling": "ceiling", "spring": "spring", "served": "serve", "arriving": "arrive", "arrived": "arrive",
    "leaving": "leave", "leaves": "leave", "driving": "drive", "moving": "move", "moved": "move",
    "smoking": "smoke", "biking": "bike", "hiking": "hike", "changing": "change", "changed": "change",
    "charging": "charge", "charged": "charge", "replaced": "replace", "stored": "store", "stopped": "stop",
    "cleaned": "clean", "named": "name", "called": "call", "reserved": "reserve", "received": "receive",
    "allowed": "allow", "planned": "plan", "rented": "rent", "lasts": "last", "dining": "dine",
    "parking": "park", "booking": "book", "making": "make", "having": "have", "giving": "give", "given": "give",
    "using_": "use", "delivered": "deliver", "manager": "manage", "delivery": "deliver", "payment": "pay",
    "bikes": "bike", "pieces": "piece", "noises": "noise", "prices": "price", "houses": "house", "horses": "horse",
    "courses": "course", "nurses": "nurse", "boxes": "box", "classes": "class", "glasses": "glass",
    "photos": "photo", "buying": "buy", "paying": "pay", "playing": "play", "staying": "stay", "saying": "say",
    "dying": "die", "lying": "lie", "flying": "fly", "trying": "try", "carrying": "carry",
}

STOP = (
    "this_year this_week this_month this_season in_town "
    "have_to need_to against a an the this that these those i me my mine we us our you your yours he him his she "
    "her it its they them their "
    "am is are was were be been being do does did done have has had having will would shall should can could may "
    "might must to of in on at by for from with without about into onto over under up down out off as than then so "
    "and or but if because when where who whom whose what which why how there here not no yes too also just only "
    "very really quite please thanks thank hello hi hey okay ok well oh um uh er ah like any some every each other "
    "another such own same once again ever even still yet already now today tomorrow yesterday tonight soon "
    "maybe perhaps actually exactly anyway else let anybody anyone somebody someone everybody everyone sir madam "
    "whether until till during between through before after per many much "
    "long far yourself myself ourselves itself since while upon sort kind lot bit couple few all both "
    "sorry excuse pardon right"
)

LIGHT = (
    "get got getting go going come coming take make want need wish know tell say show give see look find use put keep "
    "help try let_know find_out thing something anything nothing somewhere anywhere place spot building facility "
    "area house nearest next near close_by nearby around time day way able possible allow permit may "
    "available offer provide exist located situated called name good best big large small little new old nice main "
    "first whole full person visitor guest customer people man woman work working question information info idea "
    "happen think mean leave stay live bring buy visit explain describe talk quick quickly currently minute "
    "moment hour usually normally generally really please regular normal standard whole entire current apart "
    "eat fit order pay require requirement additional actually suppose enough case question same number talk "
    "mr mrs ms mister missis top bottom speak closest nearest session morning afternoon evening "
    "love dear darling dreadful terrible horrible awful lovely wonderful beautiful amazing fantastic brilliant huge "
    "tiny giant enormous different various favourite favorite certain particular proper really always never usually "
    "often "
    "sometimes most least together along beforehand afterwards whatever whoever wherever stuff something_like sort_of "
    "kind_of bit_of cup_of bowl_of glass_of piece_of slice_of portion_of plate_of bottle_of pair_of packet_of loads "
    "lots dozens couple_of matter bother worry guess suppose hope wonder believe remember forget hear heard feel "
    "dead terribly awfully pretty rather fairly simply straight_away at_all in_fact instead chance poor silly "
    "wrong okay fine sure ready"
)

COMPANIONS = (
    "wife husband mum mom mummy mommy mother dad daddy father parent grandma granny gran grandmother grandpa grandad "
    "granddad grandfather grandparent brother sister aunt uncle cousin nephew niece friend mate girlfriend boyfriend "
    "partner fiance colleague neighbour neighbor himself herself themselves son daughter grandson granddaughter "
    "grandchild family boss"
)
