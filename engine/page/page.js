// What the engine tells, and where on the page it goes. It only reads.

import { at, make, whole } from "./dom.js";
import * as talk from "./talk.js";
import { showBefore, showTurn } from "./waterfall.js";
import { hear, silence } from "./wave.js";

const STATES = {
  starting: "Starting", listening: "Listening", asleep: "Asleep", muted: "Microphone off", hearing: "Hearing you",
  thinking: "Thinking", speaking: "Speaking", announcing: "Announcing", stopping: "Stopping",
  away: "No engine here: looking again",
};
const AGAIN_MS = 1000;
const QUIET_MS = 6000; // numbers come every second: after so long without any the connection is dead
const MOST_TURNS = 12;
const MOST_NOTES = 5;

let page = "";
let turns = [];
let notes = [];
let devices = {};
let muted = false;
let volume = 100;
let quiet = 0;

function showState(state) {
  document.body.dataset.state = state;
  at("state").textContent = STATES[state] ?? state;
}

function showVisitor(session, turn) {
  at("visitor").textContent = session === null ? "nobody is here" : `visitor ${session}${turn ? `, turn ${turn}` : ""}`;
}

function showDevices() {
  const told = Object.entries(devices).filter(([, device]) => device && device.state !== "open" && device.state !== "closed");
  const parts = told.map(([side, device]) => `${side} ${device.state}`);
  if (muted) parts.unshift("microphone closed");
  at("devices").textContent = [...parts, `volume ${volume} %`].join(" · ");
}

function showTurns() {
  const answers = turns.filter((turn) => turn.source !== "say"); // what the host says is no answer to anybody
  if (answers.length) showTurn(answers[0]);
  showBefore(answers.slice(1));
}

const cell = (value, className = "") => make("td", className, value);

function showNumbers({ stages, counters, machine }) {
  at("stages").tBodies[0].replaceChildren(...stages.map((stage) => {
    const rung = stage.rungs > 1 ? `${stage.rung_name} (${stage.rung + 1} of ${stage.rungs})` : "";
    return make("tr", "", make("th", "", stage.name), cell(stage.state ?? "", `is ${stage.state ?? ""}`),
      cell(rung, stage.rung ? "rung lower" : "rung"), cell(stage.late ? whole(stage.late) : "", "number"),
      cell(stage.restarts ? whole(stage.restarts) : "", "number"),
      cell(stage.cpu === null ? "" : `${(stage.cpu * 100).toFixed(stage.cpu < 0.1 ? 1 : 0)} %`, "number"),
      cell(stage.mb === null ? "" : `${whole(stage.mb)} MB`, "number"));
  }));
  const told = Object.entries(counters).map(([name, count]) => [name, whole(count), count ? "" : "none"]);
  at("counters").replaceChildren(...[...told, ...Object.entries(machine)].map(([name, value, className = ""]) =>
    make("div", className, make("dt", "", name), make("dd", "", value))));
}

const NOTES = {
  device: (event) => event.text,
  rung: (event) => `${event.stage} ${event.to > event.from ? "down" : "up"} to “${event.name}”: ${event.reason}`,
  stage: (event) => `${event.stage} is ${event.state}`,
  error: (event) => `${event.where}: ${event.what}${event.remedy ? `; ${event.remedy}` : ""}`,
  tool: (event) => `→ ${event.tool} ${event.arguments ? JSON.stringify(event.arguments) : ""}`,
  "tool.ended": (event) => `→ ${event.tool}: ${event.outcome}`,
};

function showNotes() {
  at("notes").replaceChildren(...notes.slice(-MOST_NOTES).reverse().map((event) =>
    make("li", event.event, make("time", "quiet", new Date(event.time * 1000).toTimeString().slice(0, 8)),
      NOTES[event.event](event))));
}

function note(event) {
  notes = [...notes, event].slice(-MOST_NOTES);
  showNotes();
}

/** The visitor has left, and what they said goes, also what was done for them. */
function forget() {
  talk.forget();
  turns = turns.map((turn) => ({ ...turn, user: {}, answer: {}, heard: {} }));
  notes = notes.map(({ arguments: _said, ...rest }) => rest);
  showNotes();
}

const HANDLERS = {
  hello(event) {
    if (page && event.page !== page) location.reload();
    page = event.page;
    document.title = event.name;
    ({ devices, muted, volume } = event.now);
    turns = event.turns.toReversed();
    ({ notes } = event);
    talk.begin(event.transcript, event.now.session, event.turns);
    if (event.now.turn) {
      const { session, turn, user, answer } = event.now;
      if (user) talk.heard({ session, turn, ...user }, user.final);
      if (answer?.words) talk.word({ session, turn, ...answer });
    }
    showState(event.now.state);
    showVisitor(event.now.session, event.now.turn);
    showDevices();
    showTurns();
    showNumbers(event.numbers);
    showNotes();
  },
  state(event) {
    showState(event.state);
    if (event.turn) showVisitor(event.session, event.turn);
  },
  session(event) {
    const here = event.state === "began";
    showVisitor(here ? event.session : null, 0);
    if (!here) forget();
  },
  "user.partial": (event) => talk.heard(event, false),
  "user.final": (event) => talk.heard(event, true),
  "answer.started": (event) => showVisitor(event.session, event.turn),
  "answer.holding": talk.holds,
  "answer.word": talk.word,
  "answer.paused": () => document.body.classList.add("paused"),
  "answer.resumed": () => document.body.classList.remove("paused"),
  "answer.ended"(event) {
    document.body.classList.remove("paused");
    if (!event.of) return;
    turns = [event.of, ...turns].slice(0, MOST_TURNS);
    talk.ended(event.of);
    showTurns();
  },
  device(event) {
    devices = { ...devices, [event.side]: event };
    showDevices();
    note(event);
  },
  mute(event) {
    ({ muted } = event);
    showDevices();
  },
  volume(event) {
    volume = event.percent;
    showDevices();
  },
  rung: note, stage: note, error: note, tool: note, "tool.ended": note,
  numbers: showNumbers,
  levels: hear,
};

function connect() {
  const source = new EventSource("events");
  const lost = () => {
    source.close();
    clearTimeout(quiet);
    showState("away");
    silence();
    setTimeout(connect, AGAIN_MS);
  };
  const alive = () => {
    clearTimeout(quiet);
    quiet = setTimeout(lost, QUIET_MS);
  };
  source.onopen = alive;
  source.onerror = lost;
  source.onmessage = ({ data }) => {
    alive();
    const event = JSON.parse(data);
    HANDLERS[event.event]?.(event);
  };
}

connect();
