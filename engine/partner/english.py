"""English, for the answerer: see `language.py` for what each table is for."""

from __future__ import annotations

from engine.partner.language import Language

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_TEENS = "seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()

_COST = (
    "cost price fee fare charge_for pay paid much expensive cheap rate admission_price euro dollar pound franc cent "
    "pence penny percent reduced free"
)

ENGLISH = Language(
    contractions={
        "what's": "what is", "where's": "where is", "when's": "when is", "who's": "who is", "how's": "how is",
        "it's": "it is", "that's": "that is", "there's": "there is", "here's": "here is", "let's": "let us",
        "i'm": "i am", "i'd": "i would", "i've": "i have", "i'll": "i will", "you're": "you are", "we're": "we are",
        "we'd": "we would", "we've": "we have", "they're": "they are", "you've": "you have", "isn't": "is not",
        "aren't": "are not", "can't": "can not", "cannot": "can not", "don't": "do not", "doesn't": "does not",
        "didn't": "did not", "won't": "will not", "wouldn't": "would not", "couldn't": "could not", "dont": "do not",
        "whats": "what is", "wheres": "where is", "o'clock": "oclock", "wi-fi": "wifi", "gonna": "going to",
    },
    endings=(
        ("ies", "y", 2), ("sses", "ss", 1), ("ches", "ch", 2), ("shes", "sh", 2), ("xes", "x", 2), ("'s", "", 1),
        ("ss", "ss", 1), ("us", "us", 2), ("s", "", 3), ("ying", "y", 2), ("ing", "", 3), ("ied", "y", 2),
        ("ed", "", 3),
    ),
    irregular={
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
    },
    stop=(
        "a an the this that these those i me my mine we us our you your yours he him his she her it its they them their "
        "am is are was were be been being do does did done have has had having will would shall should can could may "
        "might must to of in on at by for from with without about into onto over under up down out off as than then so "
        "and or but if because when where who whom whose what which why how there here not no yes too also just only "
        "very really quite please thanks thank hello hi hey okay ok well oh um uh er ah like any some every each other "
        "another such own same once again ever even still yet already now today tomorrow yesterday tonight soon "
        "maybe perhaps actually exactly anyway else let anybody anyone somebody someone everybody everyone sir madam "
        "whether until till during between through before after per many much "
        "long far yourself myself ourselves itself since while upon sort kind lot bit couple few all both "
        "sorry excuse pardon right"
    ),
    light=(
        "get got getting go going come coming take make want need wish know tell say show give see look find use put keep "
        "help try let_know find_out thing something anything nothing somewhere anywhere place spot building facility "
        "area house nearest next near close_by nearby around time day way able possible have_to allow permit may "
        "available offer provide exist located situated called name good best big large small little new old nice main "
        "first whole full person visitor guest customer people man woman work working question information info idea "
        "happen think mean leave stay live bring buy visit explain describe talk quick quickly currently minute "
        "moment hour usually normally generally really please regular normal standard whole entire current apart "
        "eat fit order pay require requirement additional actually suppose enough session morning afternoon evening"
    ),
    numbers={
        **{word: float(i) for i, word in enumerate([*_ONES, *_TEENS])},
        **{word: float(10 * i) for i, word in enumerate(_TENS, 2)},
        "dozen": 12.0,
    },
    tens={"hundred": 100, "thousand": 1000},
    ordinals={word: i for i, word in enumerate(_ORDINALS, 1)},
    half="half",
    and_="and",
    article="a an",
    homophones={"to": "two", "too": "two", "for": "four", "fore": "four", "ate": "eight", "won": "one", "tree": "three"},
    same=(
        "open opens opening opened opening_hours hours opening_times open_hours unlock staffed business_hours operate",
        "close closes closing closed shut shuts shutting closing_time lock",
        "visiting visiting_hours visiting_times visitor visit",
        "start starts begin begins beginning commence",
        "end ends finish finishes over stop conclude",
        "toilet toilets bathroom restroom loo wc lavatory washroom ladies_room gents mens_room ladies restroom",
        "admission admit entry entrance_fee ticket get_in come_in go_in pass entrance enter",
        "ticket tickets pass",
        "child children kid kids boy girl son daughter baby toddler infant minor youngster",
        "adult adults grown_up grownup",
        "student students pupil undergraduate",
        "senior seniors pensioner retired elderly old_people",
        "cafe coffee_shop coffee cafeteria bistro espresso cappuccino tea snack",
        "canteen cafeteria lunch",
        "food eat eating meal restaurant hungry dine snack something_to_eat canteen kitchen",
        "drink drinks beverage water thirsty bar",
        "breakfast",
        "lift lifts elevator elevators",
        "stairs staircase steps stairway",
        "photo photos photograph photographs photography picture pictures camera selfie snapshot film_",
        "bag bags luggage baggage suitcase suitcases backpack rucksack left_luggage case trunk",
        "locker lockers store stored storage lock_away",
        "wardrobe cloakroom coat_check coatroom",
        "wifi wi_fi wireless wireless_network internet wlan hotspot online guest_network",
        "network wifi wireless internet",
        "password code passcode key_code",
        "parking =parking car cars garage parking_lot car_park vehicle parking_space",
        "dog dogs pet pets puppy",
        "cat cats pet kitten",
        "smoke smoking cigarette cigarettes smoker",
        "gym fitness_room fitness work_out workout exercise weights",
        "pool swimming_pool swim swimming",
        "pharmacy chemist drugstore apothecary",
        "cash_machine atm bank_machine cashpoint withdraw cash",
        "taxi taxis cab cabs taxi_rank",
        "bus buses coach",
        "train trains rail",
        "underground subway metro tube underground_station",
        "bicycle bicycles bike bikes cycle",
        "journey trip ride travel journey_time",
        "shuttle transfer",
        "pushchair stroller strollers pram buggy",
        "wheelchair disabled accessible accessibility step_free ramp barrier_free",
        "borrow borrowed lend loan loans check_out_book rent rented rental hire keep",
        "extend extended renew renewal prolong extension",
        "return returned bring_back give_back take_back refund",
        "late overdue too_late delay delayed",
        "longer late extra_time",
        "reserve reserved reservation book booked booking",
        "appointment appointments",
        "card cards credit_card debit_card",
        "doctor doctors physician gp medic",
        "nurse nurses",
        "prescription prescriptions",
        "collect collected pick_up picked_up fetch pickup",
        "mail post letters letter",
        "parcel parcels package packages delivery",
        "deliver delivered delivery ship shipped shipping bring_home",
        "boss head manager manage chief director in_charge leader run responsible supervisor lead",
        "cook chef kitchen_chef",
        "found founded started start establish established set_up created",
        "found founder",
        "film films movie movies dvd",
        "book books novel",
        "repair repairs repaired fix mend broken repair_service",
        "alteration alterations shorten alter hem tailor",
        "reduced reduction discount discounted sale on_sale offer bargain cheaper",
        "warranty guarantee",
        "replace replaced change changed swap renew",
        "noise loud noisy volume decibel",
        "charge charging charger recharge dock battery charging_dock",
        "dock charging_dock base charger docking_station",
        "power suction strength",
        "clean cleaning vacuum hoover sweep tidy",
        "drive go move travel roll walk",
        "back backward backwards reverse behind_",
        "forward forwards ahead straight straight_ahead",
        "home house_",
        "delete erase remove wipe clear",
        "set switch turn adjust change put",
        "call ring phone telephone summon dial phone_number telephone_number",
        "waiter waitress server",
        "bill check_ invoice",
        "table tables seat seats",
        "wake wake_up waken alarm",
        "order ordering request",
        "emergency accident urgent",
        "fire burning flames",
        "first_aid plaster bandage band_aid bleeding injured cut hurt injury first_aid_kit",
        "lost lost_property lost_and_found missing",
        "fitting_room fitting_rooms changing_room try_on try_this_on try_it_on dressing_room",
        "checkout checkouts till cashier cash_desk check_out_desk counter",
        "desk reception front_desk information_desk counter help_desk",
        "office ticket_office counter",
        "gift_card gift_cards voucher vouchers gift_certificate",
        "shop store shops gift_shop souvenir",
        "toy toys",
        "shoe shoes boots sneakers",
        "sofa couch furniture chair",
        "coat coats jacket jackets",
        "snake snakes reptile reptiles lizard crocodile",
        "feed feeding fed give_food banana",
        "stroke pet_ petting cuddle touch petting_zoo goat goats",
        "meat beef pork chicken",
        "vegetable vegetables vegetarian veggie meatless",
        "soup soups",
        "person people guest seat",
        "street road",
        "history historic historical",
        "print printing printed printer copy print_out",
        "colour color coloured colored",
        "computer computers pc",
        "study_room study_rooms",
        "floor level storey story",
        "exit way_out",
        "entrance way_in main_entrance front_door",
        "tour tours guided_tour guided_tours guide sightseeing",
        "exhibition exhibit show exhibits exhibitions display",
        "concert music gig performance",
        "movie film cinema",
        "lunch midday_meal",
        "dinner supper evening_meal",
        "weigh weight heavy",
        "password passwd",
        "test tests sample samples",
        "result results",
        "mask masks face_mask",
        "badge name_tag visitor_badge",
        "announce notify inform tell arrived",
        "speak speaks interpreter translator language",
        "age old aged oldest year",
        "fit room_for capacity seats hold big_enough",
        "photo take_photo",
        "fuel petrol gas",
        "doctor children's_doctor",
        "ice_cream",
        "human_resources hr personnel",
        "meet meeting",
        "stock share",
    ),
    near=("open close", "start end", "start open", "end close", "late longer"),
    days=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    day_ranges={
        "weekday": (0, 1, 2, 3, 4), "workday": (0, 1, 2, 3, 4), "weekend": (5, 6), "daily": tuple(range(7)),
        "every_day": tuple(range(7)), "working_day": (0, 1, 2, 3, 4), "all_week": tuple(range(7)),
    },
    to="to through till until",
    months=(
        "january february march april may june july august september october november december winter summer autumn "
        "spring christmas easter"
    ),
    currencies="euro dollar pound franc cent pence penny yen krone crown quid buck",
    free="free",
    cost=_COST,
    times="half quarter noon midnight oclock morning afternoon evening dawn dusk midday sunset am pm",
    before_time="at from until till to past by before after between around about and",
    durations="second minute hour day week month year night",
    distances="meter metre centimeter centimetre kilometer kilometre mile foot inch yard millimeter millimetre",
    repeats="every once twice daily hourly weekly monthly each times",
    places="downstairs upstairs outside inside basement ground_floor roof lobby hallway corner",
    before_place=(
        "in on at past down up over through from around behind beside opposite next_to under underneath near across "
        "beneath above below along between"
    ),
    titles="doctor dr mister mr mrs ms miss missis professor prof sister father captain",
    capitals=(
        "i monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
        "september october november december english french german spanish arabic italian chinese europe american "
        "british wifi"
    ),
    people="manager director doctor nurse chef boss head owner founder teacher guide leader interpreter",
    verbs=(
        "is are was were be can may must should will would has have had do does did costs cost opens open closes close "
        "starts start begins begin leaves leave takes take runs run lasts last pay pays comes come stands stand serves "
        "makes make live lives need needs sees wait waits seats hangs meet park go goes ends end stay stays lies sells "
        "sell offers offer includes arrives arrive departs depart hosts meets works rents accepts holds hold "
        "contains contain belongs sits lead leads ships"
    ),
    kinds=(
        (r"\b(how much|what (is|are|was) the (price|cost|fare|fee|charge)|what (do|does|did|will|would) .*\b(cost|charge)"
         r"|is .* free$|are .* free$|how expensive|what .* prices?|(do|does) .* (have|need) to pay|fare|price of|fee for)\b",
         "price"),
        (r"\b(how many|what number of)\b", "count"),
        (r"\b(how often|how frequently|how regularly)\b", "often"),
        (r"\bhow long .*\b(open|closed)\b|^(are|is) .*\b(open|closed)\b", "time"),
        (r"\b(how long|how quickly|how quick|how fast|how soon|for how long)\b", "long"),
        (r"\b(how far|what distance)\b", "far"),
        (r"\b(how old)\b", "old"),
        (r"\b(when|what times?|at what time|which times?|what hours|how late|how early|until when|till when|since when|"
         r"opening hours|opening times|visiting hours|what are .* hours|which days?|what days?|what date|which date|"
         r"what year|which year)\b", "time"),
        (r"\b(where|whereabouts|in which room|on which floor|what floor|which floor|which room|what room|which direction|"
         r"from where|how (do|can|could|would) (i|we|you|one) (get|go|come) (to|there)|(i am|we are) looking for)\b", "place"),
        (r"\b(who|whom|whose)\b", "person"),
    ),
    kind_words={
        "price": _COST.replace("reduced", ""), "time": "time late early date day year hour start begin end finish stop", "place": "room floor direction get go come find",
        "old": "old", "often": "often frequently", "count": "number", "person": "person name",
    },
    defaults={"price": "ticket", "time": "open"},
    informs="tell say read check report look find get measure ask show",
    asks=(
        r"(and |but |so )?(what|where|when|who|whom|whose|which|why|how|is|are|was|were|do|does|did|may|might|should|am|"
        r"at what|from which|from where|on which|in which|until when|till when|since when|for how|can (i|we|one|my|the)|"
        r"could (i|we)|has|have|any)\b"
    ),
    requests=(
        r"((can|could|would|will) you (please |kindly |now |just |perhaps )*|(please|kindly) |i (want|would like|need) you to "
        r"|go ahead and |i (want|would like|need) to |i (want|would like|need) |let us )"
    ),
    linking=r"(now|then|and|so|okay|ok|just|also|next) ",
    forbids=r"(please )?(do not|never|you (must|should|may|can) not|stop)\b",
    fillers=(
        r"(um+|uh+|er+|ah+|oh|well|so|okay|ok|hey|excuse me|sorry|pardon( me)?|hello( there)?|hi( there)?|good (morning|"
        r"afternoon|evening|day)|please|"
        r"(can|could|would|will) you (please |maybe |perhaps |kindly )?(tell|inform|let) (me|us)( know)?"
        r"( about)?|do you (happen to )?know( about)?|i (would like|want|need) to know( about)?|i was wondering|i wonder|"
        r"(please )?tell (me|us)( about| please)?|i have a question|one question|may i ask( you)?|any idea|"
        r"do you have any idea|i would like to ask|can i ask( you)?|by the way)\b"
    ),
    trailing=r"\b(please|thanks|thank you|then|now|right now|you know|by any chance|exactly|at the moment|sir|madam)",
    wishes=r"(i|we) (want|would like|need|wish|would love|have to|am|are|will have|will take|lost|cut|have)\b",
    follow=r"(and|what about|how about|what of|or|but|also|then|same for|the same for|as well as)\b",
    pronouns="it that they them there this those these he she him her one ones its their",
    talk=(
        ("hello", r"(hello|hi|hey|hey there|hello there|hi there|good (morning|afternoon|evening|day)|greetings|howdy|"
                  r"hello hello|nice to meet you)( everybody| everyone| all| again)?"),
        ("thanks", r"(okay |ok |great |perfect |good |wonderful |all right |alright )?(thank you|thanks|many thanks|cheers)"
                   r"( very much| so much| a lot| for (your|the) help| for that| again| indeed)?( (good)?bye)?"),
        ("bye", r"(okay |ok |thanks |thank you |well )?(goodbye|good bye|bye|bye bye|see you|see you later|see you soon|"
                r"good night|farewell|have a nice day|have a good day|so long|i have to go( now)?)( then| now)?"),
        ("how", r"how (are|do) you( do)?( doing)?( today)?|are you (okay|well|fine|all right)"),
        ("who", r"(and )?(who|what) (are|is) (you|your name|this)|what (do|should|can) (i|we) call you|"
                r"what are you called|do you have a name|tell (me|us) (about yourself|your name|who you are)|"
                r"who am i (talking|speaking) (to|with)|are you (a robot|human|a computer|real|a person|a machine)|"
                r"introduce yourself|your name"),
        ("can", r"what (can|do) you (do|know|know about|tell me|tell us|help me with|help with)( for me| for us)?|"
                r"what (can|may|could|should) i (ask|say)( you)?|(can you )?help( me| us)?( out)?|"
                r"how can you help( me| us)?|what (are|is) your (skills|abilities|purpose|job)|"
                r"what do you know|what are you (good |there )?for|what is possible|what else( can you do| do you know)?"),
        ("again", r"(sorry |pardon |excuse me )?((can|could|would) you )?(please )?(say|repeat) (that|it|this)?( please)?"
                  r"( again| once more| one more time)?|(please )?repeat( please)?|pardon( me)?|sorry|what|what did you say|"
                  r"come again|i (did not|could not|can not) (hear|catch|understand) (you|that|it|what you said)|"
                  r"once more|again|(say )?that again|huh|excuse me|i beg your pardon"),
        ("fine", r"(okay|ok|all right|alright|fine|good|great|perfect|i see|understood|got it|cool|nice|wonderful|super)"
                 r"( then| good| great)?"),
        ("stop", r"stop( it| talking| that)?|be quiet|quiet|shut up|enough|that is enough|silence|cancel|never mind"),
        ("wait", r"wait( a (minute|moment|second))?|hold on|one (moment|second|minute)|just a (moment|second|minute)"),
        ("clock", r"what time is it( now)?|what is the time( now)?|what (day|date) is (it|today)( today)?|"
                  r"what is the date( today)?"),
    ),
    yes="yes yeah yep sure okay ok do_it go_ahead of_course certainly definitely right correct please_do absolutely yup",
    no="no nope not never cancel don't nah forget stop wrong better_not",
    true="on yes true enable enabled activate start",
    false="off no false disable disabled deactivate stop not",
    units={
        "meter": ("meter", 1.0), "metre": ("meter", 1.0), "m": ("meter", 1.0), "centimeter": ("meter", 0.01),
        "centimetre": ("meter", 0.01), "cm": ("meter", 0.01), "millimeter": ("meter", 0.001),
        "millimetre": ("meter", 0.001), "kilometer": ("meter", 1000.0), "kilometre": ("meter", 1000.0),
        "foot": ("meter", 0.3048), "inch": ("meter", 0.0254), "yard": ("meter", 0.9144), "mile": ("meter", 1609.344),
        "second": ("second", 1.0), "sec": ("second", 1.0), "minute": ("second", 60.0), "hour": ("second", 3600.0),
        "day": ("second", 86400.0), "degree": ("degree", 1.0), "percent": ("percent", 1.0), "gram": ("gram", 1.0),
        "kilogram": ("gram", 1000.0), "kilo": ("gram", 1000.0), "liter": ("liter", 1.0), "litre": ("liter", 1.0),
        "milliliter": ("liter", 0.001), "euro": ("euro", 1.0), "dollar": ("dollar", 1.0),
    },
    context={
        "sees": "I see {}.", "hears": "I hear {}.", "touched": "You touched {}.", "feels": "I feel {}.",
        "holds": "I hold {}.", "near": "Near me is {}.", "knows": "{}.",
    },
    phrases={
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
        "and": "and",
        "or": "or",
    },
)

LANGUAGES = {"en": ENGLISH}
"""By the first part of their tag."""
