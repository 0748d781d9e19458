// The gallery: its cards, and what they are filtered and sorted by.

// ---- cards

/** What the dissenter answers now: preferably in the direction in which it failed. */
function dissent(i) {
  const a = quizzes.dissenter[i];
  if (a < 0 || !agents[a].known) return null;
  const failed = [...orders.keys()].filter((d) => `${a},${d}` in quizzes.answers[i]);
  if (!failed.length) return { name: `${a} solves it`, piece: orders[0].at(-1), text: "" };
  const d = failed.find((each) => vote(i, a, each) === "0") ?? failed[0];
  const asked = orders[d].at(-1), given = answer(i, a, d);
  const right = part(quizzes.tokens[i], asked);
  const wrong = wrongCells(given, right);
  return { name: `${a}’s ${pieces[asked].name}`, piece: asked, text: given, wrong };
}

function votes(i) {
  const marks = agents.map(({ colour }, a) => {
    const both = orders.map((_, d) => ({ 1: "✓", 0: "✗", "-": "" })[vote(i, a, d)]).join("");
    const kind = both.includes("✗") ? "vote bad" : "vote";
    return both && h("span", { class: kind, style: `--agent:${colour}` }, `${a} ${both}`);
  });
  return h("span", { class: "votes", "aria-hidden": "true" }, ...marks.filter(Boolean));
}

function said(i) {
  const origin = `round ${quizzes.round[i]}, proposed by ${maker(quizzes.proposer[i])}`;
  return `${origin}, dissenter ${agent(quizzes.dissenter[i])}, ${method(i)}`;
}

function facts(i) {
  if (!analysis || analysis.explained[i] === null) return null;
  const rival = analysis.contested[i] ? " · another answer about as likely" : "";
  const novelty = count(analysis.novelty_world[i], unit);
  return `${explained(i)} · ${novelty} from the world${rival}`;
}

function card(i) {
  const drawn = parts(quizzes.tokens[i]), last = dissent(i);
  if (last) drawn.push(...(strips ? [...Array(across - 1).fill(null), last] : [{ ...last, apart: true }]));
  const about = facts(i), by = maker(quizzes.proposer[i]);
  const origin = `round ${quizzes.round[i]} · by ${by} · ${method(i)}`;
  const svg = picture(drawn, "", across);
  svg.setAttribute("aria-hidden", "true");
  return h("li", null, h("button", {
    type: "button",
    class: "card",
    "data-quiz": quizzes.hash[i],
    "aria-label": `Quiz ${short(quizzes.hash[i])}: ${said(i)}${about ? `; ${about}` : ""}`,
    "aria-haspopup": "dialog",
    onclick: () => view.open(i),
  },
  svg,
  votes(i),
  h("span", { class: "soft" }, origin),
  about && h("span", { class: "soft" }, about)));
}

// ---- filters

const known = (column) => (i) => analysis[column][i];
const bounds = analysis ? quartiles(analysis.novelty_world) : [];

function quartiles(column) {
  const sorted = column.filter((v) => v !== null).sort((a, b) => a - b);
  const cuts = [0.25, 0.5, 0.75, 1].map((share) => sorted[Math.ceil(share * sorted.length) - 1]);
  return [...new Set(cuts)];
}

function band(i) {
  const novelty = analysis.novelty_world[i];
  return novelty === null ? null : bounds.findIndex((bound) => novelty <= bound);
}

/** Every task that explains a quiz, once; "" where none was found. */
function tasksOf(i) {
  const found = analysis.tasks[i];
  return found && (found.length ? [...new Set(found)] : "");
}

function bandName(b) {
  const from = b ? bounds[b - 1] + 1 : 0;
  return `${from === bounds[b] ? from : `${from} to ${bounds[b]}`} ${unit}s from the world`;
}

/** What can be filtered by. */
const facets = {
  round: { label: "Round", of: (i) => quizzes.round[i], name: (v) => `round ${v}` },
  proposer: { label: "Proposer", of: (i) => quizzes.proposer[i], name: maker },
  dissenter: { label: "Dissenter", of: (i) => quizzes.dissenter[i], name: agent },
  method: {
    label: "Procedure",
    of: (i) => quizzes.method[i],
    name: (v) => spaced(data.methods[v]),
  },
  lineage: {
    label: "Lineage",
    of: (i) => (childrenOf.has(quizzes.hash[i]) ? 2 : 0) + (quizzes.parents[i].length ? 1 : 0),
    name: (v) => ["alone", "has parents", "has children", "parents and children"][v],
  },
  ...(analysis && {
    explained: { label: "Explained by", of: known("explained"), name: (v) => v },
    task: { label: "Task", of: tasksOf, name: (v) => spaced(v) || "no task" },
    novelty: { label: "Novelty", of: band, name: bandName },
    contested: {
      label: "Another answer",
      of: known("contested"),
      name: (v) => (v ? "about as likely, or more" : "less likely, or none"),
    },
  }),
};
/** By a column, up or down; what is not known comes last. */
const by = (column, sign) => (a, b) =>
  column[a] === null || column[b] === null
    ? (column[a] === null) - (column[b] === null)
    : sign * (column[a] - column[b]);
const sorts = {
  newest: { name: "newest first", order: (a, b) => b - a },
  oldest: { name: "oldest first", order: (a, b) => a - b },
  hardest: { name: `most wrong ${unit}s`, order: by(quizzes.wrong, -1) },
  easiest: { name: `fewest wrong ${unit}s`, order: by(quizzes.wrong, 1) },
  ...(analysis && {
    novel: { name: "most novel", order: by(analysis.novelty_world, -1) },
    familiar: { name: "least novel", order: by(analysis.novelty_world, 1) },
  }),
};

function ordered() {
  const by = sorts[view.sort];
  by.all ??= [...Array(size).keys()].sort(by.order);
  return by.all;
}

function counted(where) {
  const found = view.shown.length === size ? "" : `${number(view.shown.length)} of `;
  return `${found}${count(size, "quiz")}${where && `${where} on this page`}`;
}

const view = new ListView({
  part: "gallery",
  rows: "cards",
  content: "quiz",
  button: "button.card",
  keys: { ArrowLeft: -1, ArrowRight: 1 },
  perPage: 24,
  facets,
  orders: () => Object.entries(sorts).map(([name, each]) => [name, each.name]),
  ordered,
  row: card,
  counted,
  nothing: "No quiz is like that. Clear the filters to see some.",
  heading,
  heard: (i, place) => `Quiz ${short(quizzes.hash[i])}, ${place}. ${story(i)}`,
  body,
  turns: ["Previous quiz", "Next quiz"],
  opens: "quiz",
  keyOf: (i) => quizzes.hash[i],
  entryOf: (hash) => indexOf.get(hash),
  focus: "sort",
});

view.prepare([...Array(size).keys()]);
view.build("Clear filters");
$("controls").hidden = false;
$("controls").open = window.innerWidth > 600;
view.listen(({ target }) => view.set(target));
