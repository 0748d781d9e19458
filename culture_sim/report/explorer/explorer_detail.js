// One family or feature in a dialog: its agents side by side on the same quizzes, and in figures.

const AXIS = 34, BAR = 9;

const kindOfEntry = ({ family, key }) => (family < 0 ? `feature ${key}` : key);
const isNamed = (name) => name !== "" && name !== "unnamed";
const title = ({ name }) => (isNamed(name) ? name : "unnamed");

const detailHeading = (entry, place) =>
  [title(entry), h("small", { class: "soft" }, `${kindOfEntry(entry)}, ${place}`)];
const spokenEntry = (entry, place) =>
  `${title(entry)}, ${kindOfEntry(entry)}, ${place}. ${story(entry)}`;

function story(entry) {
  const who = entry.family < 0
    ? `In no family: with its best matches in other ${called}s r is ${two(entry.r)}`
    : `${entry.rows.length} ${called}s share it: r ${two(entry.r)}`;
  return `${who}, ${two(entry.excess)} beyond the null. It fires on `
    + `${percent(entry.frequency)} of tokens.${howNamed(entry)}${needed(entry)}`;
}

/** How good its name is; on texts it is called by the tokens on which it is highest. */
function howNamed({ name, candidate, f1 }) {
  if (texts) return ` It is highest on ${name}.`;
  return isNamed(name)
    ? ` Name: F1 ${two(f1)}.` : ` Closest name: “${candidate}”, F1 ${two(f1)}.`;
}

/** What its ablation changes over all tasks, a sentence; none where it is not known. */
function needed({ rows, accuracy, loss, q }) {
  if (!Number.isFinite(accuracy?.[0])) return "";
  const how = [
    ...(rows.length > 1 ? [`mean over its ${called}s`] : []),
    ...(changes(accuracy) ? [`95 % interval ${between(accuracy)}`] : []),
    ...(Number.isFinite(q) ? [doubt(q)] : []),
  ];
  return ` Without it exact accuracy changes by ${points(accuracy[0])} points`
    + `${how.length ? ` (${how.join("; ")})` : ""}, and the loss by ${signed(loss)} nats a ${unit} of `
    + "the answer.";
}

const two = (x) => (Number.isFinite(x) ? x.toFixed(2).replace("-", "−") : "–");
const signed = (x) => (Number.isFinite(x) ? `${x < 0 ? "−" : "+"}${small(Math.abs(x))}` : "–");
const small = (x) => (x && x < 0.1 ? String(Number(x.toPrecision(2))) : x.toFixed(2));
const doubt = (q) => (q < 0.001 ? "q < 0.001" : `q = ${Number(q.toPrecision(2))}`);

/** A share in points, such as a change of accuracy. */
function points(x) {
  if (!Number.isFinite(x)) return "–";
  const tall = Math.abs(100 * x);
  return tall ? `${x < 0 ? "−" : "+"}${tall.toFixed(tall < 1 ? 2 : 1)}` : "0";
}

/** Whether an interval [change, low, high] is known and is one: of no changed answer it is none. */
const changes = ([, low, high]) => low < high;
const between = ([, low, high]) => `${points(low)} to ${points(high)}`;

/** A change of accuracy with its interval; one that excludes 0 stands out. */
function change(accuracy) {
  const [found, low, high] = accuracy;
  return h("span", { class: low > 0 || high < 0 ? "change sure" : "change" }, points(found),
    changes(accuracy) ? h("small", { class: "soft" }, between(accuracy)) : null);
}
const percent = (x) =>
  (x > 0 && x < 5e-5 ? "< 0.01 %" : `${(100 * x).toFixed(x < 0.01 ? 2 : 1)} %`);

/** How many times more often, in words where the other share is 0. */
function times(ratio) {
  if (Number.isNaN(ratio)) return "–";
  if (ratio === Infinity) return "only";
  return `${ratio < 10 ? ratio.toFixed(ratio < 1 ? 2 : 1) : number(Math.round(ratio))} ×`;
}

// ---- the quizzes

async function detailBody(entry) {
  const others = contrasts(entry);
  const [lines, details, beside] = await Promise.all([
    entry.family < 0
      ? detailsOf(entry.rows[0]).then((found) => new Map([[entry.rows[0], found.lines]]))
      : familyLines(entry),
    Promise.all(entry.rows.map(detailsOf)),
    Promise.all(others.map(detailsOf)),
  ]);
  const agents = entry.rows.length > 1 ? "all of them" : "it";
  return [
    h("h4", null, `The ${texts ? "texts" : "quizzes"} that activate ${agents} most`),
    h("p", { class: "soft" }, texts
      ? "The darker a token, the higher the activation once it is read, over the feature’s highest."
      : "Parts are in the order in which they are written. A dot’s area is "
        + `the activation when its ${unit} is about to be written, over the feature’s highest.`),
    h("div", { class: entry.rows.length > 1 || texts ? null : "alone" },
      ...entry.quizzes.map((quiz, k) => quizRow(quiz, entry.rows, (row) => lines.get(row)[k]))),
    ...(list.tasks.length ? without(entry.rows, details) : []),
    h("h4", null, entry.rows.length > 1 ? `${sentence(called).slice(0, -1)} by ${called}` : "In figures"),
    h("ul", { class: "agents" }, ...entry.rows.map((row, k) => card(row, details[k]))),
    ...(others.length ? [
      h("h4", null, `For contrast: the best match in the other ${called}s, on its own `
        + `${texts ? "texts" : "quizzes"}`),
      h("ul", { class: "agents" }, ...others.map((row, k) => contrast(entry, row, beside[k]))),
    ] : []),
  ];
}

/** In every agent without a member, what the first member matches best. */
function contrasts({ rows }) {
  const present = new Set(rows.map(agentOf)), best = rowOf(list.column.match, rows[0]);
  return list.agents.flatMap((agent, k) => (present.has(agent) || best[k] < 0 ? [] : [best[k]]));
}

/** What ablating each member changes, by task; details: those of the members. */
function without(rows, details) {
  const heads = rows.map((row) => h("th", { scope: "col" }, agentName(row)));
  const lines = list.tasks.map(({ name, quizzes }, t) => h("tr", null,
    h("th", { scope: "row" }, taskNamed(name), h("small", { class: "soft" }, number(quizzes))),
    ...details.map(({ accuracy }) => h("td", null, change(accuracy.subarray(3 * t, 3 * t + 3))))));
  const losses = rows.map((row) => h("td", null, signed(list.column.loss.values[row])));
  return [
    h("h4", null, "Without it, task by task"),
    h("p", { class: "soft" }, "By how many points the share of held-out quizzes that are answered "
      + "exactly changes when the feature is silenced, with 95 % intervals over these quizzes; bold "
      + "where they exclude 0. No interval: no answer changed."),
    h("div", { class: "box" }, h("table", { class: "wide ablated" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "task, quizzes"), ...heads)),
      h("tbody", null, ...lines,
        h("tr", null, h("th", { scope: "row" }, `loss, nats a ${unit}`), ...losses)))),
  ];
}

const taskNamed = (name) => ({ all: "all tasks", unknown: "made by agents" })[name] ?? spaced(name);

function quizRow(quiz, rows, line) {
  if (texts) return passageRow(quiz, rows, line);
  const written = orders[list.quizzes.layout[quiz]].map((p) => pieces[p].name).join(", ");
  return h("section", null,
    h("h5", null, spaced(taskOf(quiz)), h("small", { class: "soft" }, `written ${written}`)),
    h("ul", { class: "beside" }, ...rows.map((row) =>
      h("li", null, agentName(row), quizPicture(quiz, line(row), nameOf(agentOf(row)))))));
}

function quizPicture(quiz, line, who) {
  if (texts) return passage(quiz, line);
  const tokens = list.quizzes.tokens[quiz], order = orders[list.quizzes.layout[quiz]];
  const panels = order.map((p, k) => panel(tokens, p, {
    levels: line.subarray(offset(p), offset(p) + size(p)), outlined: k === order.length - 1,
  }));
  return picture(panels, `${who}: ${spokenLevels(order, line)}`, 2);
}

/** Where a feature fires most, in words. */
function spokenLevels(order, line) {
  const strongest = [...line.keys()].filter((k) => line[k] >= 64).sort((a, b) => line[b] - line[a]);
  if (!strongest.length) return "hardly active";
  return strongest.slice(0, 6).map((k) => {
    const p = pieces.findIndex((_, q) => k < offset(q) + size(q));
    return `${pieces[p].name} ${whereIn(p, k - offset(p))}, ${Math.round(line[k] / 2.55)} %`;
  }).join("; ");
}

function agentName(row) {
  const agent = agentOf(row);
  return h("b", { style: `--agent:${colourOf(agent)}` }, nameOf(agent),
    h("small", { class: "soft" }, `feature ${featureOf(row)}`));
}

// ---- the figures of a member

function card(row, { histogram, maximum, zero, logits }) {
  const concepts = conceptsOf(row);
  return aligned(agentName(row),
    h("p", null, `${title({ name: list.text("name", row) })} `, texts ? null
      : h("small", { class: "soft" }, `F1 ${two(list.column.f1.values[row])}`)),
    ...(concepts.length ? [h("ol", { class: "concepts", "aria-label": "Best concepts" },
      ...concepts.map(({ text, f1 }) => h("li", null, meter(f1), h("span", null, text),
        h("small", { class: "soft" }, two(f1)))))] : []),
    h("h6", null, "How it fires ", h("small", { class: "soft" }, "√ tokens, log scale")),
    histogramPicture(histogram),
    h("p", { class: "soft" }, `silent on ${percent(zero)} of tokens; highest ${two(maximum)}`),
    ...(list.column.onQ ? [h("p", { class: "soft" }, occurs(row))] : []),
    ...(logits ? [
      h("h6", null, "Values it promotes ↑ and suppresses ↓ ",
        h("small", { class: "soft" }, "directly, later blocks aside")),
      logitPicture(logits)] : []),
    h("h6", null, `Best match in each other ${called}`),
    matchList(row));
}

/** How often it fires on quizzes that agents made and on the world's. */
function occurs(row) {
  const [own, world, q] = ["onAgents", "onWorld", "onQ"].map((name) => list.column[name].values[row]);
  if (Number.isNaN(q)) {
    return "too seldom active, or quizzes too few, to compare agents’ quizzes with the world’s";
  }
  const shares = [own, world].map((share) => (share ? percent(share) : "none"));
  return `fires on ${shares[0]} of tokens of agents’ quizzes, ${shares[1]} of the world’s (${doubt(q)})`;
}

/** A card whose lines stand beside those of its neighbours, for which it says how many it has. */
function aligned(...children) {
  const shown = children.filter(Boolean);
  return h("li", { style: `--rows:${shown.length}` }, ...shown);
}

const meter = (share) =>
  h("i", { class: "meter", "aria-hidden": "true", style: `--share:${Math.max(share, 0)}` });

function histogramPicture(counts) {
  const most = Math.max(...counts, 1), width = counts.length * BAR;
  const bars = [...counts].map((n, k) => {
    // By the root, so that the few strong firings stay visible beside the many weak ones.
    const tall = AXIS * Math.sqrt(n / most);
    return `<path d="M${k * BAR} ${AXIS}v${-tall.toFixed(1)}h${BAR - 1}V${AXIS}z"/>`;
  }).join("");
  const least = Math.round(100 * 2 ** (-counts.length / index.binsPerOctave) * 10) / 10;
  const spread = [...counts].map(number).join(", ");
  return drawn(`<svg class="bars" role="img" viewBox="0 0 ${width} ${AXIS + 12}" aria-label="`
    + `Tokens by activation, from weak to the highest: ${spread}">${bars}`
    + `<path class="axis" d="M0 ${AXIS}.5H${width}"/><text x="0" y="${AXIS + 10}">${least} %</text>`
    + `<text x="${width}" y="${AXIS + 10}" text-anchor="end">highest</text></svg>`);
}

function logitPicture(logits) {
  const most = Math.max(...[...logits].map(Math.abs), 1e-9), side = 12, gap = 3, reach = 18;
  const squares = [...logits].map((weight, v) => {
    const x = v * (side + gap), tall = reach * Math.abs(weight) / most;
    const y = weight > 0 ? reach - tall : reach + side;
    return `<rect class="weight" x="${x + 3}" y="${y.toFixed(1)}" width="${side - 6}" `
      + `height="${tall.toFixed(1)}"/><rect class="swatch" x="${x}" y="${reach}" `
      + `width="${side}" height="${side}" fill="${drawing.palette[v]}"><title>`
      + `${escaped(drawing.words[v])} ${signed(weight)}</title></rect>`;
  }).join("");
  const said = [...logits].map((weight, v) => `${drawing.words[v]} ${signed(weight)}`).join(", ");
  const box = `-1 0 ${logits.length * (side + gap)} ${2 * reach + side}`;
  return drawn(`<svg class="logits" role="img" viewBox="${box}" aria-label="${escaped(said)}">`
    + `${squares}</svg>`);
}

function matchList(row) {
  const r = rowOf(list.column.r, row), chance = rowOf(list.column.nullR, row);
  const best = rowOf(list.column.match, row), kind = rowOf(list.column.kind, row);
  return h("ul", { class: "matches" }, ...list.agents.flatMap((agent, k) => {
    if (agent === agentOf(row)) return [];
    if (best[k] < 0) return [h("li", { class: "soft" }, `${nameOf(agent)}: not compared`)];
    return [h("li", null,
      h("button", {
        type: "button", style: `--agent:${colourOf(agent)}`,
        "aria-label": `Open feature ${featureOf(best[k])} of ${nameOf(agent)}`,
        onclick: () => view.follow(list.entryOf[best[k]]),
      }, `${agent}.${featureOf(best[k])}`),
      matched(r[k], chance[k]), h("span", null, two(r[k])),
      h("small", { class: "soft" }, `null ${two(chance[k])} ${list.kinds[kind[k]]}`))];
  }));
}

/** A bar as long as r, with a mark where the null is. */
const matched = (r, chance) => h("i", {
  class: "meter", "aria-hidden": "true",
  style: `--share:${Math.max(r, 0)};--null:${Math.max(chance, 0)}`,
});

function contrast(entry, row, { lines }) {
  const k = list.agents.indexOf(agentOf(row)), [first] = entry.rows;
  const r = rowOf(list.column.r, first)[k], chance = rowOf(list.column.nullR, first)[k];
  const kind = list.kinds[rowOf(list.column.kind, first)[k]];
  const quizzes = [...rowOf(list.column.shown, row)].filter((quiz) => quiz >= 0).slice(0, 2);
  return aligned(agentName(row),
    h("p", null, `${title({ name: list.text("name", row) })} `, h("small", { class: "soft" },
      `r ${two(r)} with ${nameOf(agentOf(first))}’s, null ${two(chance)} ${kind}`)),
    ...quizzes.map((quiz, place) => quizPicture(quiz, lines[place], nameOf(agentOf(row)))),
    h("button", { type: "button", class: "follow", onclick: () => view.follow(list.entryOf[row]) }, "Open it"));
}
