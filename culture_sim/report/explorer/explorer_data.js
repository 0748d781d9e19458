// The explorer's data: parts that are in the page or beside it, and what is known of an entry.
// An entry of the list is a family of features, or a feature that is in none.

const $ = within("explorer");
const index = JSON.parse($("index").textContent);
const { orders, called } = index;
/** Whether features are shown on texts, whose tokens are words, and not on drawings. */
const { texts } = index;
const ARRAYS = {
  uint8: Uint8Array, uint32: Uint32Array, int32: Int32Array, float32: Float32Array,
};

// ---- parts

const waiting = new Map();
const loaded = new Map();

/** Scripts beside the page call this; a page from a file may not fetch, but it may run them. */
window.cultureExplorer = (name, held) => waiting.get(name)(held);

function fetched(name) {
  const inside = $(`part-${name}`);
  if (inside) return Promise.resolve(JSON.parse(inside.textContent));
  return new Promise((resolve, reject) => {
    waiting.set(name, resolve);
    const failed = (what) => () => reject(new Error(`explorer/${name}.js ${what}`));
    document.head.append(h("script", {
      src: `explorer/${name}.js`,
      onerror: failed("is not beside this page"),
      // A script that is cut off loads and calls nothing; of one that did call, this changes nothing.
      onload: failed("is damaged; write the report again"),
    }));
  });
}

/** A part of the comparison that is shown, fetched once, or again after it failed; its packed
 *  columns are unpacked. */
function partOf(name, unpack = columns) {
  if (!loaded.has(name)) {
    const part = fetched(name).then(unpack);
    part.catch(() => loaded.delete(name));
    loaded.set(name, part);
  }
  return loaded.get(name);
}

async function columns(packed) {
  const unpacked = Object.entries(packed).map(async ([name, [type, row, text]]) =>
    [name, { row, values: new ARRAYS[type](await inflated(text)) }]);
  return Object.fromEntries(await Promise.all(unpacked));
}

async function inflated(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k += 1) bytes[k] = letters.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const rowOf = ({ values, row }, i) => values.subarray(i * row, (i + 1) * row);

// ---- the comparison that is shown

let list = null, comparison = 0;

async function unpackList(held) {
  const column = await columns(held.columns);
  const text = (name, i) => held.texts[column[name].values[i]];
  return withEntries({ ...held, column, text, size: column.agent.values.length });
}

function withEntries(list) {
  const { column, size } = list, families = column.familyR.values.length;
  const entries = [], entryOf = new Int32Array(size).fill(-1);
  for (let f = 0; f < families; f += 1) {
    const rows = [...rowOf(column.members, f)].filter((row) => row >= 0);
    for (const row of rows) entryOf[row] = entries.length;
    entries.push({ family: f, rows });
  }
  for (let row = 0; row < size; row += 1) {
    if (entryOf[row] >= 0) continue;
    entryOf[row] = entries.length;
    entries.push({ family: -1, rows: [row] });
  }
  const found = { ...list, entries, entryOf };
  entries.forEach((entry) => Object.assign(entry, figuresOf(found, entry)));
  found.byKey = new Map(entries.map((entry, e) => [entry.key, e]));
  return found;
}

const mean = (values) => {
  const known = values.filter(Number.isFinite);
  return known.length ? known.reduce((sum, v) => sum + v, 0) / known.length : NaN;
};

const greatest = (values) => {
  const known = values.filter((v) => !Number.isNaN(v));
  return known.length ? Math.max(...known) : NaN;
};

/** What ablation changes: [change, low, high] of exact accuracy, loss, and for some families q.
 *  Of a family that was not tested as one it is the mean over members, without an interval. */
function withoutIt(column, family, rows) {
  const tested = family >= 0 && column.familyQ && !Number.isNaN(column.familyLoss.values[family]);
  if (tested) {
    return {
      accuracy: rowOf(column.familyAccuracy, family),
      loss: column.familyLoss.values[family],
      q: column.familyQ.values[family],
    };
  }
  const each = rows.map((row) => rowOf(column.accuracy, row));
  return {
    accuracy: rows.length > 1 ? [mean(each.map(([change]) => change)), NaN, NaN] : each[0],
    loss: mean(rows.map((row) => column.loss.values[row])),
  };
}

/** What an entry is called and sorted by. */
function figuresOf({ column, text }, { family, rows }) {
  const over = (name) => mean(rows.map((row) => column[name].values[row]));
  const both = {
    frequency: over("frequency"),
    ...(column.accuracy && withoutIt(column, family, rows)),
    ...(column.onRatio && { ratio: greatest(rows.map((row) => column.onRatio.values[row])) }),
  };
  if (family >= 0) {
    return {
      ...both,
      key: `family ${family}`,
      name: text("familyName", family),
      candidate: text("familyCandidate", family),
      f1: column.familyF1.values[family],
      r: column.familyR.values[family],
      excess: column.familyExcess.values[family],
      quizzes: [...rowOf(column.familyShown, family)].filter((quiz) => quiz >= 0),
    };
  }
  const [row] = rows, r = [...rowOf(column.r, row)], chance = rowOf(column.nullR, row);
  return {
    ...both,
    key: `${column.agent.values[row]}.${column.feature.values[row]}`,
    name: text("name", row),
    candidate: text("candidate", row),
    f1: column.f1.values[row],
    r: mean(r),
    excess: mean(r.map((each, k) => each - chance[k])),
    quizzes: [...rowOf(column.shown, row)].filter((quiz) => quiz >= 0),
  };
}

const agentOf = (row) => list.column.agent.values[row];
const featureOf = (row) => list.column.feature.values[row];
const known = (agent) => index.agents.find(({ number }) => number === agent);
const colourOf = (agent) => known(agent).colour;
/** What an agent, or anyone's model, is called. */
const nameOf = (agent) => known(agent).name;
const kindsOf = (row) =>
  [...new Set(rowOf(list.column.kind, row))].filter(Boolean).map((k) => list.kinds[k]);
/** What a feature fires more on than chance would have it. */
const originsOf = (row) => (list.column.origins
  ? index.origins.filter((_, k) => rowOf(list.column.origins, row)[k]) : []);
const taskOf = (quiz) => list.quizzes.task[quiz] ?? (texts ? null : "made by agents");
const tasksOf = (quizzes) => [...new Set(quizzes.map(taskOf))].filter((task) => task !== null);

/** The best concepts of a feature: [{text, f1}]. */
function conceptsOf(row) {
  const f1 = rowOf(list.column.conceptF1, row);
  return [...rowOf(list.column.concepts, row)]
    .map((k, place) => ({ text: list.texts[k], f1: f1[place] / 100 }))
    .filter(({ text }) => text);
}

// ---- details

const placed = (letter, i) => [`${comparison}-${letter}${Math.floor(i / index.part)}`, i % index.part];

/** Whether a feature's or family's details are at hand without loading a file. */
const atHand = (letter, i) => {
  const [name] = placed(letter, i);
  return loaded.has(name) || $(`part-${name}`) !== null;
};

async function detailsOf(row) {
  const [name, i] = placed("f", row), part = await partOf(name);
  return {
    lines: linesOf(rowOf(part.activations, i)),
    histogram: rowOf(part.histogram, i),
    maximum: part.maximum.values[i],
    zero: part.zero.values[i],
    logits: part.logits ? rowOf(part.logits, i) : null,
    accuracy: part.accuracy ? rowOf(part.accuracy, i) : null,
  };
}

/** The activations of one feature on each of its quizzes: [cells of all parts] each. */
function linesOf(values) {
  const length = values.length / index.quizzes;
  return [...Array(index.quizzes).keys()].map((k) =>
    values.subarray(k * length, (k + 1) * length));
}

/** By row of its members, a family's activations on the quizzes that it is shown on. */
async function familyLines({ family, rows }) {
  const [name, i] = placed("g", family), part = await partOf(name);
  const all = rowOf(part.activations, i), size = all.length / list.agents.length;
  return new Map(rows.map((row) => {
    const place = list.agents.indexOf(agentOf(row));
    return [row, linesOf(all.subarray(place * size, (place + 1) * size))];
  }));
}
