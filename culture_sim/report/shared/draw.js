// How quizzes are drawn and said in words, and elements made.

const drawing = JSON.parse(document.getElementById("drawing").textContent);
const pieces = drawing.pieces;
const { marks, unit, inks } = drawing;
const SIDE = 60, STRIP = 20, GAP = 8, HEAD = 15, LARGEST = 2;
const BASE = "0".charCodeAt(0);
const size = (p) => pieces[p].rows * pieces[p].columns;
/** Where a piece's cells begin among those of all pieces. */
const offset = (p) => pieces.slice(0, p).reduce((sum, _, k) => sum + size(k), 0);
const glyphs = drawing.glyphs.some(Boolean);
/** Pieces of one row each, such as strings: long and low, with cells large enough to read. */
const strips = pieces.every(({ rows }) => rows === 1);
const cell = strips ? STRIP
  : SIDE / Math.max(...pieces.map(({ rows, columns }) => Math.max(rows, columns)));
/** Left edge, top and width of each cell of a piece; the words of prose stand in lines. */
function boxes(p, text) {
  const { columns } = pieces[p];
  if (!drawing.prose) {
    return Array.from({ length: size(p) },
      (_, k) => [(k % columns) * cell, Math.floor(k / columns) * cell, cell]);
  }
  let x = 0, y = 0;
  return [...text].map((each) => {
    const letters = (drawing.glyphs[value(each)] ?? "").length;
    const wide = Math.round(cell * (letters ? marks.letter * (letters + 1) : marks.gap));
    if (x + wide > marks.line * cell) [x, y] = [0, y + cell];
    x += wide;
    return [x - wide, y, wide];
  });
}

/** Width and height of a piece. */
function extent(p, text) {
  const found = boxes(p, text);
  return [Math.max(cell, ...found.map(([x, , wide]) => x + wide)),
    Math.max(cell, ...found.map(([, y]) => y + cell))];
}

/** Room above a row for the path that it climbs. */
const RISE = drawing.climbs.length ? marks.rise * cell : 0;

// ---- words

const number = (n) => n.toLocaleString("en");
const count = (n, what) => `${number(n)} ${what}${n === 1 ? "" : plural(what)}`;
const plural = (what) => (what.endsWith("z") ? "zes" : "s");
const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
const value = (text, k = 0) => text.charCodeAt(k) - BASE;
const word = (text, k = 0) => drawing.words[value(text, k)] ?? "no colour";

/** Rows of a piece in words: prose as it is, letters up to the last, of the rest runs of a value. */
function spoken(text, p) {
  const rows = [], { columns } = pieces[p];
  for (let start = 0; start < size(p); start += columns) {
    const row = [...text.slice(start, start + columns)];
    if (drawing.prose) {
      rows.push(row.filter((each) => drawing.glyphs[value(each)]).map((each) => word(each)).join(" ")
        || "nothing");
      continue;
    }
    const last = row.findLastIndex((each) => drawing.glyphs[value(each)]);
    const runs = row.join("").match(/(.)\1*/gsu) ?? [];
    rows.push(glyphs ? row.slice(0, last + 1).map((each) => word(each)).join(", ") || "nothing"
      : runs.map((run) => `${run.length} ${word(run)}`).join(", "));
  }
  return rows.length === 1 ? rows[0] : rows.map((row, r) => `row ${r + 1}: ${row}`).join("; ");
}

/** Where in a piece a cell is, in words. */
function whereIn(p, k) {
  const { rows, columns } = pieces[p], column = (k % columns) + 1;
  return rows === 1 ? `${unit} ${column}` : `row ${Math.floor(k / columns) + 1}, column ${column}`;
}

/** Where an answer differs from the right one, in words. */
const mistakes = (given, right, p) => wrongCells(given, right).map((k) =>
  `${whereIn(p, k)}: ${word(given, k)} instead of ${word(right, k)}`).join("; ");

// ---- quizzes

const part = (tokens, p) => tokens.slice(pieces[p].start, pieces[p].start + size(p));
const wrongCells = (given, right) => [...right].flatMap((value, k) => (given[k] === value ? [] : [k]));
const panel = (tokens, p, more) => ({ name: pieces[p].name, piece: p, text: part(tokens, p), ...more });

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

/** Panels side by side, so many across: {piece, name, text, wrong: indices of cells to cross,
 *  levels: 0 to 255 for every cell, outlined, apart}; null leaves the place of one empty. */
function picture(panels, label, across = panels.length) {
  const named = panels.some((panel) => panel?.name) ? HEAD : 0;
  let x = 0, y = 0, head = named, most = 0, tallest = 0, shapes = "";
  panels.forEach((panel, k) => {
    if (k % across === 0) {
      if (k) [x, y, tallest] = [0, y + tallest + head + GAP, 0];
      head = named + (panels.slice(k, k + across).some((each) => climbs(each?.text)) ? RISE : 0);
    }
    if (panel === null) {
      x += pieces[0].columns * cell + GAP;
      return;
    }
    x += panel.apart && k % across ? GAP : 0;
    if (panel.name) {
      shapes += `<text class="name" x="${x}" y="${y + 11}">${escaped(panel.name)}</text>`;
    }
    shapes += `<g transform="translate(${x} ${y + head})">${grid(panel)}</g>`;
    const [wide, tall] = extent(panel.piece, panel.text);
    x += wide + GAP;
    tallest = Math.max(tallest, tall);
    most = Math.max(most, x);
  });
  const box = `-1 -1 ${most - GAP + 2} ${y + tallest + head + 2}`;
  // A row of a few cells is not blown up to the width of its place.
  const widest = strips ? ` style="max-width:${LARGEST * most}px"` : "";
  return drawn(
    `<svg class="quiz${strips ? " strips" : ""}"${widest} role="img" aria-label="${escaped(label)}" viewBox="${box}">${shapes}</svg>`);
}

function grid({ piece, text, wrong = [], levels = [], outlined = false }) {
  const { rows, columns } = pieces[piece];
  const [wide, tall] = extent(piece, text), places = boxes(piece, text);
  const outline = `M0 0h${wide}v${tall}H0z`;
  if (!text) return `<path class="blank" d="${outline}"/>`;
  const runs = new Map();
  const add = (key, path) => runs.set(key, (runs.get(key) ?? "") + path);
  for (let k = 0, from = 0; k < text.length; k += 1) {
    if (drawing.prose) {
      const [x, y, w] = places[k];
      add(text[k], `M${x} ${y}h${w - 2}v${cell - 2}h${2 - w}z`);
      continue;
    }
    const ends = (k + 1) % columns === 0 || text[k + 1] !== text[k];
    if (!ends) continue;
    const y = Math.floor(from / columns) * cell, x = (from % columns) * cell;
    const path = `M${x} ${y}h${(k + 1 - from) * cell}v${cell}H${x}z`;
    add(text[k], path);
    from = k + 1;
  }
  let shapes = "";
  for (const [key, path] of runs) {
    shapes += `<path fill="${drawing.palette[value(key)] ?? "#fff"}" d="${path}"/>`;
  }
  let lines = "";
  for (let j = 1; j < columns && !drawing.prose; j += 1) lines += `M${j * cell} 0v${tall}`;
  for (let i = 1; i < rows; i += 1) lines += `M0 ${i * cell}h${wide}`;
  shapes += `<path class="lines" d="${lines}"/>`;
  if (outlined) shapes += `<path class="outline" d="${outline}"/>`;
  return shapes + climb(text, rows, wide) + dots(levels, places) + crosses(wrong, places)
    + writing(text, places);
}

/** Whether a text has anything that leads up or down. */
const climbs = (text) => [...(text ?? "")].some((each) => drawing.climbs[value(each)]);

/** Above a row, how high it has climbed after each cell, and the height where it began. */
function climb(text, rows, wide) {
  const steps = [...text].map((each) => drawing.climbs[value(each)] ?? 0);
  const last = steps.findLastIndex(Boolean);
  if (rows > 1 || last < 0) return "";
  const heights = [0];
  for (const step of steps.slice(0, last + 1)) heights.push(heights.at(-1) + step);
  const low = Math.min(...heights);
  const one = Math.min(cell / 2, (RISE - 0.2 * cell) / (Math.max(...heights) - low));
  const ys = heights.map((height) => (-0.1 * cell - (height - low) * one).toFixed(1));
  const line = ys.map((y, k) => `${k * cell} ${y}`).join("L");
  return `<path class="ground" d="M0 ${ys[0]}h${wide}"/><path class="climb" d="M${line}"/>`;
}

/** What is written on cells, such as letters. */
function writing(text, places) {
  if (!glyphs) return "";
  const shapes = [...text].map((_, k) => {
    const [left, top, wide] = places[k];
    const x = left + wide / 2, y = top + marks.baseline * cell;
    return `<text x="${x}" y="${y}">${escaped(drawing.glyphs[value(text, k)] ?? "")}</text>`;
  });
  const font = (marks.glyph * cell).toFixed(1);
  return `<g font-size="${font}" text-anchor="middle" fill="#222">${shapes.join("")}</g>`;
}

/** A dot's area is the level of its cell. */
function dots(levels, places) {
  let shapes = "";
  levels.forEach((level, k) => {
    const r = marks.dot * cell * Math.sqrt(level / 255);
    if (r < 0.06 * cell) return;
    const [left, top, wide] = places[k];
    const x = left + wide / 2, y = top + 0.5 * cell;
    shapes += `<circle cx="${x}" cy="${y}" r="${r.toFixed(2)}"/>`;
  });
  return shapes && `<g class="dots" fill="${inks[0]}">${shapes}</g>`;
}

function crosses(wrong, places) {
  const inset = marks.inset * cell, arm = cell - 2 * inset;
  const path = wrong.map((k) => {
    const [left, top, wide] = places[k];
    const x = left + (wide - arm) / 2, y = top + inset;
    return `M${x} ${y}l${arm} ${arm}m0-${arm}l-${arm} ${arm}`;
  }).join("");
  return path
    && `<path class="under" d="${path}"/><path class="cross" stroke="${inks[1]}" d="${path}"/>`;
}
