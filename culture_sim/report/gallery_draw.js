// What a quiz looks like and what is said of it, from the columns that gallery.py embeds.

const SIDE = 60, GAP = 8, HEAD = 15;
const BASE = "0".charCodeAt(0);
const $ = (id) => document.getElementById(`gallery-${id}`);
const data = JSON.parse($("data").textContent);
const { quizzes, analysis, drawing, orders, agents, rejected, fromWorld } = data;
const size = quizzes.hash.length;
const cells = drawing.height * drawing.width;
const cell = SIDE / Math.max(drawing.height, drawing.width);
const indexOf = new Map(quizzes.hash.map((hash, i) => [hash, i]));
const childrenOf = new Map();
quizzes.parents.forEach((parents, i) => {
  for (const hash of new Set(parents)) {
    childrenOf.set(hash, [...(childrenOf.get(hash) ?? []), i]);
  }
});

// ---- words

const agent = (a) => (a < 0 ? "no single agent" : `agent ${a}`);
const number = (n) => n.toLocaleString("en");
const count = (n, what) => `${number(n)} ${what}${n === 1 ? "" : plural(what)}`;
const plural = (what) => (what.endsWith("z") ? "zes" : "s");
const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
const short = (hash) => hash.slice(0, 8);
const procedure = (i) => data.procedures[quizzes.procedure[i]].replaceAll("_", " ");

function explained(i) {
  const kind = analysis.explained[i], tasks = analysis.tasks[i] ?? [];
  const joined = kind === "two rules in sequence" ? tasks.join(", then ") : listed(tasks);
  return tasks.length ? `${kind}: ${joined.replaceAll("_", " ")}` : kind;
}

function ambiguity(i) {
  const ratio = analysis.rival_ratio[i];
  const likely = ratio >= 1e6 ? "over a million" : ratio;
  if (analysis.other_by_rule[i]) {
    return "Another answer fits as well: a rule of the world gives it.";
  }
  if (analysis.ambiguous[i]) {
    return `Another answer fits about as well, ${likely} times as likely as this one to agents.`;
  }
  if (!ratio) return "No other answer was found.";
  return `No other answer fits: the best found is ${likely} times as likely as this one to agents.`;
}

/** Rows of a part in words, runs of one colour taken together. */
function spoken(text) {
  const rows = [];
  for (let start = 0; start < cells; start += drawing.width) {
    const runs = text.slice(start, start + drawing.width).match(/(.)\1*/gsu) ?? [];
    rows.push(runs.map((run) => `${run.length} ${word(run)}`).join(", "));
  }
  return rows.map((row, r) => `row ${r + 1}: ${row}`).join("; ");
}

const spokenQuiz = (tokens) =>
  orders[0].map((p) => `${drawing.parts[p]}, ${spoken(part(tokens, p))}`).join(". ");
const value = (text, k = 0) => text.charCodeAt(k) - BASE;
const word = (text, k = 0) => drawing.words[value(text, k)] ?? "no colour";

/** Where an answer differs from the right one, in words. */
function mistakes(given, right) {
  return wrongCells(given, right).map((k) => {
    const row = Math.floor(k / drawing.width) + 1, column = (k % drawing.width) + 1;
    return `row ${row}, column ${column}: ${word(given, k)} instead of ${word(right, k)}`;
  }).join("; ");
}

// ---- quizzes

const part = (tokens, p) => tokens.slice(drawing.starts[p], drawing.starts[p] + cells);
/** What an agent answers; only answers that are not the quiz's own are kept. */
const answer = (i, a, d) =>
  quizzes.answers[i][`${a},${d}`] ?? part(quizzes.tokens[i], orders[d].at(-1));
const vote = (i, a, d) => quizzes.votes[i][2 * a + d];
const wrongCells = (given, right) =>
  [...Array(cells).keys()].filter((k) => given[k] !== right[k]);

// ---- elements

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, given] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), given);
    else if (given === true) node.setAttribute(name, "");
    else if (given !== false && given !== null) node.setAttribute(name, given);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const escaped = (text) =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** Panels side by side: {name, text, wrong: indices of cells to cross, outlined}. */
function picture(panels, label) {
  const wide = drawing.width * cell, tall = drawing.height * cell;
  const head = panels.some((panel) => panel.name) ? HEAD : 0;
  let x = 0, drawn = "";
  for (const panel of panels) {
    x += panel.apart ? GAP : 0;
    if (panel.name) drawn += `<text x="${x}" y="11">${escaped(panel.name)}</text>`;
    drawn += `<g transform="translate(${x} ${head})">${grid(panel)}</g>`;
    x += wide + GAP;
  }
  const box = `-1 -1 ${x - GAP + 2} ${tall + head + 2}`;
  const template = document.createElement("template");
  template.innerHTML =
    `<svg class="quiz" role="img" aria-label="${escaped(label)}" viewBox="${box}">${drawn}</svg>`;
  return template.content.firstChild;
}

function grid({ text, wrong = [], outlined = false }) {
  const wide = drawing.width * cell, tall = drawing.height * cell;
  const outline = `M0 0h${wide}v${tall}H0z`;
  if (!text) return `<path class="blank" d="${outline}"/>`;
  const runs = new Map();
  for (let k = 0, from = 0; k < cells; k += 1) {
    const ends = (k + 1) % drawing.width === 0 || text[k + 1] !== text[k];
    if (!ends) continue;
    const y = Math.floor(from / drawing.width) * cell, x = (from % drawing.width) * cell;
    const path = `M${x} ${y}h${(k + 1 - from) * cell}v${cell}H${x}z`;
    runs.set(text[k], (runs.get(text[k]) ?? "") + path);
    from = k + 1;
  }
  let drawn = "";
  for (const [key, path] of runs) {
    drawn += `<path fill="${drawing.palette[value(key)] ?? "#fff"}" d="${path}"/>`;
  }
  let lines = "";
  for (let j = 1; j < drawing.width; j += 1) lines += `M${j * cell} 0v${tall}`;
  for (let i = 1; i < drawing.height; i += 1) lines += `M0 ${i * cell}h${wide}`;
  drawn += `<path class="lines" d="${lines}"/>`;
  if (outlined) drawn += `<path class="outline" d="${outline}"/>`;
  return drawn + crosses(wrong);
}

function crosses(wrong) {
  const inset = 0.2 * cell, arm = 0.6 * cell;
  const path = wrong.map((k) => {
    const x = (k % drawing.width) * cell + inset;
    const y = Math.floor(k / drawing.width) * cell + inset;
    return `M${x} ${y}l${arm} ${arm}m0-${arm}l-${arm} ${arm}`;
  }).join("");
  return path && `<path class="under" d="${path}"/><path class="cross" d="${path}"/>`;
}

const panel = (tokens, p, more) => ({ name: drawing.parts[p], text: part(tokens, p), ...more });
const parts = (tokens) => orders[0].map((p, k) =>
  panel(tokens, p, { apart: k === 2, outlined: k === orders[0].length - 1 }));
