// The conversation as it goes. Where words are not shown they are counted. It is of the visitor who is there: when they
// leave, it goes.

import { at, make } from "./dom.js";

const MOST = 6;
let shown = false;
let exchanges = new Map();

const name = (event) => `${event.session}.${event.turn}`;

/** Begin anew, with the turns of this visitor so far. words: they are shown. */
export function begin(words, session, turns) {
  shown = words;
  exchanges = new Map();
  for (const turn of turns) if (turn.session === session) over(turn);
  draw();
}

/** The visitor has left. */
export function forget() {
  begin(shown, null, []);
}

function of(event) {
  const key = name(event);
  if (!exchanges.has(key)) exchanges.set(key, { user: null, final: false, answer: null, note: "" });
  while (exchanges.size > MOST) exchanges.delete(exchanges.keys().next().value);
  return exchanges.get(key);
}

export function heard(event, final) {
  Object.assign(of(event), { user: event, final });
  draw();
}

export function word(event) {
  const exchange = of(event);
  const before = exchange.answer ?? { words: 0, text: "" };
  exchange.answer = { words: before.words + event.words, text: `${before.text ?? ""} ${event.text ?? ""}`.trim() };
  draw();
}

export function holds(event) {
  of(event).note = event.text ?? "One moment";
  draw();
}

function over(turn) {
  const exchange = of(turn);
  if (turn.user.words) Object.assign(exchange, { user: turn.user, final: true });
  exchange.answer = turn.heard.words ? turn.heard : exchange.answer;
  exchange.note = turn.outcome === "interrupted" ? "interrupted" : "";
}

/** A turn is over. */
export function ended(turn) {
  over(turn);
  draw();
}

const counted = (words) => `${words} ${words === 1 ? "word" : "words"}`;
const text = (said) => (shown && said.text !== undefined ? said.text : counted(said.words));

function draw() {
  at("exchanges").replaceChildren(...[...exchanges.values()].filter((each) => each.user || each.answer).map((each) => {
    const made = make("li");
    if (each.user) made.append(make("p", `user${each.final ? "" : " partial"}`, text(each.user)));
    if (each.answer) made.append(make("p", "answer", text(each.answer)));
    if (each.note) made.append(make("p", "note quiet", each.note));
    return made;
  }));
  const empty = at("exchanges").childElementCount === 0;
  at("hint").textContent = shown ? (empty ? "Nobody is speaking." : "") : "Words are counted here, not shown.";
  fade();
}

/** The oldest fades only where it is cut off. */
function fade() {
  const oldest = at("exchanges").firstElementChild;
  const top = (element) => element.getBoundingClientRect().top;
  document.body.classList.toggle("few", !oldest || top(oldest) >= top(at("exchanges")));
}

new ResizeObserver(fade).observe(at("exchanges"));
