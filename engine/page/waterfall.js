// Where the time of a turn went: a row for each stage, on one axis that begins at the end of the visitor's speech.

import { at, bar, make, whole } from "./dom.js";

const LABELS = {
  turns: "Finished?",
  asr: "Words",
  llm: "Answer",
  vocoder: "Voice",
  audio: "Loudspeaker",
  floor: "Floor",
};
const TITLES = {
  turns: "until it was decided that the visitor had finished",
  asr: "until the recogniser had the final words",
  llm: "until the first clause of the answer was there",
  vocoder: "until its first sound was made",
  audio: "until that was heard",
  floor: "what spoke because a stage was late",
};
const OUTCOMES = {
  answered: "", apologised: "with a phrase instead of an answer", abandoned: "nothing was said", stopped: "stopped",
  interrupted: "interrupted", postponed: "postponed", resumed: "resumed",
};
const BEYOND = 1.1;
const MOST_BEFORE = 8;

/** The rows of a turn that are shown, each with where its part of the wait begins. */
function rows(turn) {
  let now = 0;
  return turn.spans.filter((span) => span.stage in LABELS).map((span) => {
    const begin = now;
    now += span.took ?? 0;
    // Whole ms that sum to the rounded whole.
    return { ...span, waits: [begin, now], ms: Math.round(now) - Math.round(begin) };
  });
}

function headline(turn) {
  const made = at("response");
  made.replaceChildren();
  if (turn.response_ms === null) {
    made.append(make("span", "quiet", OUTCOMES[turn.outcome] || turn.outcome));
    return;
  }
  const over = turn.budget_ms !== null && turn.response_ms > turn.budget_ms;
  made.append("heard after ", make("strong", over ? "over" : "", `${whole(turn.response_ms)} ms`));
  if (turn.budget_ms !== null) made.append(make("span", "quiet", ` of ${whole(turn.budget_ms)}`));
  const notes = [OUTCOMES[turn.outcome] ?? turn.outcome, turn.held ? "held by a phrase" : "",
    turn.floor.length ? `the floor stood in for ${turn.floor.join(", ")}` : ""].filter(Boolean);
  if (notes.length) made.append(make("span", "quiet", ` · ${notes.join(" · ")}`));
}

/** The last turn, large. */
export function showTurn(turn) {
  at("turn-title").textContent = `The last turn: visitor ${turn.session}, turn ${turn.turn}`;
  headline(turn);
  const shown = rows(turn);
  const end = Math.max(turn.response_ms ?? 0, ...shown.map((row) => row.waits[1]), 1) * BEYOND;
  const share = (ms) => Math.min(1, Math.max(0, ms / end));
  at("waterfall").replaceChildren(...shown.map((row) => {
    const axis = make("span", "axis");
    const worked = row.begin ?? row.first;
    if (worked !== null && row.stage !== "audio") axis.append(bar("beside", share(worked), share(row.end ?? end)));
    if (row.took) axis.append(bar(`took${row.over ? " over" : ""}`, share(row.waits[0]), share(row.waits[1])));
    if (row.budget !== null && row.waits[0] + row.budget < end) {
      axis.append(bar("limit", share(row.waits[0] + row.budget), share(row.waits[0] + row.budget)));
    }
    const made = make("div", "row", make("span", "label", LABELS[row.stage], " ", make("small", "", row.stage)), axis,
      make("span", `ms${row.over ? " over" : ""}`, row.took === null ? "–" : `${whole(row.ms)} ms`));
    made.dataset.stage = row.stage;
    made.title = `${row.stage}: ${TITLES[row.stage]}${row.budget === null ? "" : `; budget ${whole(row.budget)} ms`}`;
    return made;
  }));
  at("legend").hidden = !shown.length;
}

/** The turns before it, a line each, on one scale. The newest is the first. */
export function showBefore(turns) {
  const shown = turns.filter((turn) => turn.response_ms !== null).slice(0, MOST_BEFORE);
  const end = Math.max(...shown.map((turn) => turn.response_ms), 1) * BEYOND;
  at("turns-title").hidden = !shown.length;
  at("turns").replaceChildren(...shown.map((turn) => {
    const axis = make("span", "axis");
    for (const row of rows(turn).filter((each) => each.took)) {
      const part = bar(`took${row.over ? " over" : ""}`, row.waits[0] / end, row.waits[1] / end);
      part.dataset.stage = row.stage;
      axis.append(part);
    }
    return make("div", "row", make("span", "label", `Visitor ${turn.session}, turn ${turn.turn}`), axis,
      make("span", "ms", `${whole(turn.response_ms)} ms`));
  }));
}
