"""Lists that things, values and rules are chosen from by chance."""

from __future__ import annotations


def words(text: str, by: str | None = None) -> tuple[str, ...]:
    return tuple(" ".join(each.split()) for each in text.split(by))


NOUNS = words("""aquarium barn bakery brewery observatory planetarium greenhouse lighthouse harbour ferry boat lake
garden farm stable
    theatre stage studio workshop kitchen cellar tower bridge chapel library archive gallery exhibition concert lecture
    course lesson seminar tour walk ride show film play game match race training class dinner lunch breakfast supper
    picnic
    market fair festival shop stand counter desk office bureau booth machine robot printer scanner locker wardrobe
    shower
    bath pool sauna court field hall room lounge terrace balcony roof elevator lift stairs escalator gate door
    entrance exit
    parking garage bicycle scooter car bus tram train taxi shuttle pass ticket voucher card key map guide book audio
    headset
    helmet jacket towel blanket bed tent cabin hut apartment suite clinic doctor nurse dentist pharmacy ambulance
    bank machine
    fountain well spring statue painting sculpture clock bell organ piano telescope microscope engine pump turbine crane
    furnace oven mill bench table chair tree meadow forest path trail beach island cave cliff waterfall owl horse
    goat sheep
    cow donkey otter seal penguin parrot snake spider bee wall window lamp fridge coffee tea soup cake bread cheese
    wine juice
    water ice laundry iron cradle playground slide swing trampoline archery golf tennis skating climbing canoe raft
    toilet
    nursery cloakroom canteen cafeteria restaurant bar pub newspaper post letterbox telephone charger socket wifi
    network
    dictionary battery broom bucket ladder hammer saw drill needle thread loom pottery glass candle soap perfume toy
    puzzle
    kite drum violin choir dance circus puppet magician cinema museum castle palace ruin mine quarry dam lock canal""")
ADJECTIVES = words("""old new big small upper lower red blue green white black northern southern eastern western main
little great inner
    outer indoor outdoor heated quiet loud early late morning evening night summer winter spring autumn children's
    family
    senior student public private royal wooden stone silver golden crystal hidden open long short round square first
    second
    third fourth special daily weekly annual local regional free guided medical technical electric digital historic
    modern
    central rear front left right east west""")
PROPER = words("Room Hall Tower House Garden Bar Club Café Square Street Bridge Lab Wing Court Station Tour")
GROUPS = words(
    """children|dogs|members|guests|staff|students|pensioners|groups|visitors|families|adults|teachers|babies
    |beginners|cyclists|locals|school classes|children under {small}|people over {number}|wheelchair users""",
    "|",
)
MATERIALS = words("oak pine glass steel marble granite brass copper clay wool cotton silk paper leather plastic")
COLOURS = words("red green blue yellow black white grey brown orange purple pink silver dark-red light-blue")
PLURALS = words(
    "rooms seats tables beds windows doors lamps books machines floors steps lanes boats places shelves pictures"
)
TITLES = (
    "Mister",
    "Missus",
    "Doctor",
    "Professor",
    "Captain",
    "Sister",
    "Chef",
    "our director",
    "our gardener",
    "Miss",
)
FIRST_NAMES = words("Anna Ben Clara David Ella Frank Greta Hugo Ida Jonas Karla Leo Mara Nils Olga Paul Rosa Tom")
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = words("January February March April May June July August September October November December")
RULES = tuple(
    (do, doing)
    for do, _, doing in (
        each.partition(":")
        for each in words(
            """smoke:smoking|take photos:taking photos|swim:swimming|eat:eating|sleep:sleeping|fish:fishing|camp:camping
    |park:parking|cook:cooking|climb:climbing|make a fire:making a fire|bring a dog:bringing
    dogs|sing:singing|run:running
    |feed the animals:feeding the animals|touch the exhibits:touching the exhibits|use the telephone:using the telephone
    |store luggage:storing luggage|pay by card:paying by card|wash clothes:washing clothes|dance:dancing|film:filming
    |ride a bicycle:cycling|charge a phone:charging phones|change money:changing money|buy stamps:buying stamps
    |fly a drone:flying drones|play ball:playing ball|rent a boat:renting boats|borrow a book:borrowing books""",
            "|",
        )
    )
)
"""What may be allowed or not, in two forms."""
