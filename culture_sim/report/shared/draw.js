// How quizzes are drawn and said in words, and elements made.

const drawing = JSON.parse(document.getElementById("drawing").textContent);
const SIDE = 60, GAP = 8, HEAD = 15;
const BASE = "0".charCodeAt(0);
const cells = drawing.height * drawing.width;
const cell = SIDE / Math.max(drawing.height, drawing.width);

// ---- words

const number = (n) => n.toLocaleString("en");
const count = (n, what) => `${number(n)} ${what}${n === 1 ? "" : plural(what)}`;
const plural = (what) => (what.endsWith("z") ? "zes" : "s");
const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
const value = (text, k = 0) => text.charCodeAt(k) - BASE;
const word = (text, k = 0) => drawing.words[value(text, k)] ?? "no colour";

/** Rows of a part in words, runs of one colour taken together. */
function spoken(text) {
  const rows = [];
  for (let start = 0; start < cells; start += drawing.width) {
    const runs = text.slice(start, start + drawing.width).match(/(.)\1*/gsu) ?? [];
    rows.push(runs.map((run) => `${run.length} ${word(run)}`).join(", "));
  }
  return rows.map((row, r) => `row ${r + 1}: ${row}`).join("; ");
}

/** Where an answer differs from the right one, in words. */
function mistakes(given, right) {
  return wrongCells(given, right).map((k) => {
    const row = Math.floor(k / drawing.width) + 1, column = (k % drawing.width) + 1;
    return `row ${row}, column ${column}: ${word(given, k)} instead of ${word(right, k)}`;
  }).join("; ");
}

// ---- quizzes

const part = (tokens, p) => tokens.slice(drawing.starts[p], drawing.starts[p] + cells);
const wrongCells = (given, right) =>
  [...Array(cells).keys()].filter((k) => given[k] !== right[k]);
const panel = (tokens, p, more) => ({ name: drawing.parts[p], text: part(tokens, p), ...more });

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

/** An element from the text of an SVG. */
function drawn(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content.firstChild;
}

/** Panels side by side, so many across: {name, text, wrong: indices of cells to cross, levels:
 *  0 to 255 for every cell, outlined, apart}. */
function picture(panels, label, across = panels.length) {
  const wide = drawing.width * cell, tall = drawing.height * cell;
  const head = panels.some((panel) => panel.name) ? HEAD : 0;
  let x = 0, y = 0, most = 0, shapes = "";
  panels.forEach((panel, k) => {
    if (k && k % across === 0) [x, y] = [0, y + tall + head + GAP];
    x += panel.apart ? GAP : 0;
    if (panel.name) shapes += `<text x="${x}" y="${y + 11}">${escaped(panel.name)}</text>`;
    shapes += `<g transform="translate(${x} ${y + head})">${grid(panel)}</g>`;
    x += wide + GAP;
    most = Math.max(most, x);
  });
  const box = `-1 -1 ${most - GAP + 2} ${y + tall + head + 2}`;
  return drawn(
    `<svg class="quiz" role="img" aria-label="${escaped(label)}" viewBox="${box}">${shapes}</svg>`);
}

function grid({ text, wrong = [], levels = [], outlined = false }) {
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
  let shapes = "";
  for (const [key, path] of runs) {
    shapes += `<path fill="${drawing.palette[value(key)] ?? "#fff"}" d="${path}"/>`;
  }
  let lines = "";
  for (let j = 1; j < drawing.width; j += 1) lines += `M${j * cell} 0v${tall}`;
  for (let i = 1; i < drawing.height; i += 1) lines += `M0 ${i * cell}h${wide}`;
  shapes += `<path class="lines" d="${lines}"/>`;
  if (outlined) shapes += `<path class="outline" d="${outline}"/>`;
  return shapes + dots(levels) + crosses(wrong);
}

/** A dot's area is the level of its cell. */
function dots(levels) {
  let shapes = "";
  levels.forEach((level, k) => {
    const r = 0.45 * cell * Math.sqrt(level / 255);
    if (r < 0.06 * cell) return;
    const x = ((k % drawing.width) + 0.5) * cell, y = (Math.floor(k / drawing.width) + 0.5) * cell;
    shapes += `<circle cx="${x}" cy="${y}" r="${r.toFixed(2)}"/>`;
  });
  return shapes && `<g class="dots">${shapes}</g>`;
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
