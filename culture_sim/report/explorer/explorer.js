// The explorer: a list of families and features, and what it is filtered, searched and sorted by.

let words = "", upward = false;

// ---- filters

/** What can be filtered by. */
const facets = {
  k: {
    label: "Shared by",
    of: ({ rows }) => [rows.length],
    name: (k) => (k > 1 ? `${k} ${called}s` : "in no family"),
    order: (a, b) => b - a,
  },
  kind: {
    label: "Kind",
    of: ({ rows }) => [...new Set(rows.flatMap(kindsOf))],
    name: (kind) => `${kind} in some ${called}`,
  },
  agent: {
    label: sentence(called).slice(0, -1),
    of: ({ rows }) => rows.map(agentOf),
    name: (a) => `in ${nameOf(a)}`,
  },
  task: {
    label: texts ? "Kind of text" : "Task", of: ({ quizzes }) => tasksOf(quizzes), name: spaced,
  },
  origin: {
    label: "Fires more on",
    of: ({ rows }) => [...new Set(rows.flatMap(originsOf))],
    name: (origin) => ({
      agents: "agents’ quizzes",
      world: "world quizzes",
      many: `${index.times} times more on agents’ quizzes`,
      never: "never on world quizzes",
    })[origin],
    order: (a, b) => index.origins.indexOf(a) - index.origins.indexOf(b),
  },
};

const sorts = {
  k: { name: "shared by most", of: ({ rows, excess }) => 10 * rows.length + (excess || 0) },
  r: { name: "highest r", of: ({ r }) => r },
  excess: { name: "furthest beyond the null", of: ({ excess }) => excess },
  f1: { name: "best named", of: ({ f1 }) => f1 },
  frequency: { name: "fires most", of: ({ frequency }) => frequency },
  accuracy: { name: "most needed", of: ({ accuracy: [change] }) => change, lowest: true },
  ratio: { name: "most on agents’ own", of: ({ ratio }) => ratio },
};

/** Once for a comparison: the values of every facet, and every text in lower case. */
function prepare() {
  view.prepare(list.entries);
  list.orders = {};
  list.lower ??= list.texts.map((text) => text.toLowerCase());
}

/** Whether the list begins with the lowest value, as a column may do until it is turned round. */
const rising = () => upward !== (sorts[view.sort].lowest ?? false);

/** Entries by a column; what is not known comes last whichever way it goes. */
function ordered() {
  const way = `${view.sort}${upward}`;
  if (!list.orders[way]) {
    const value = list.entries.map(sorts[view.sort].of), sign = rising() ? -1 : 1;
    const known = (e) => !Number.isNaN(value[e]);
    // Of what is not known, or infinite in both, the difference is NaN: they stay as they are.
    list.orders[way] = [...list.entries.keys()].sort((a, b) =>
      known(b) - known(a) || sign * (value[b] - value[a]) || a - b);
  }
  return list.orders[way];
}

/** For every entry, whether each of the words is in its names, its concepts or its numbers. */
function searcher() {
  const { column, lower } = list;
  const tests = words.toLowerCase().split(/\s+/).filter(Boolean).map((sought) => {
    const has = lower.map((text) => text.includes(sought));
    return ({ family, rows, key }) => key.includes(sought)
      || (family >= 0 && has[column.familyName.values[family]])
      || rows.some((row) => has[column.name.values[row]]
        || `${agentOf(row)}.${featureOf(row)}`.startsWith(sought)
        || rowOf(column.concepts, row).some((k) => k && has[k]));
  });
  return (e) => tests.every((test) => test(list.entries[e]));
}

// ---- the list

const columnsShown = () => [
  ["k", `${called}s`], ["r", "r"], ["excess", "beyond null"],
  ...(texts ? [] : [["f1", "name F1"]]),
  ["frequency", "fires on"], ...(list.column.accuracy ? [["accuracy", "accuracy without it"]] : []),
  ...(list.column.onRatio ? [["ratio", "agents’ quizzes"]] : []),
];

function columnHeads() {
  const sortable = columnsShown().map(([name, text]) => h("th", {
    scope: "col", class: `of-${name}`,
    "aria-sort": view.sort === name ? (rising() ? "ascending" : "descending") : null,
  }, h("button", { type: "button", onclick: () => sortBy(name) }, text)));
  return h("tr", null, h("th", { scope: "col", class: "sight" }, h("span", { class: "heard" },
    "Picture")), h("th", { scope: "col" }, "feature"), ...sortable);
}

function sortBy(name) {
  upward = view.sort === name && !upward;
  view.set({ name: "sort", value: name });
  $("head").querySelector(`.of-${name} button`).focus();
}

function line(e) {
  const entry = list.entries[e], { name, candidate, rows, r, excess, f1, frequency } = entry;
  const named = isNamed(name);
  const said = {
    k: h("span", { class: "who", role: "img", "aria-label": `in ${listed(rows.map((row) => nameOf(agentOf(row))))}` },
      ...list.agents.map((agent) => h("i", rows.some((row) => agentOf(row) === agent)
        ? { style: `background:${colourOf(agent)}`, title: nameOf(agent) } : null))),
    r: h("span", { class: "rated" }, meter(r || 0), two(r)),
    excess: two(excess),
    f1: two(f1),
    frequency: percent(frequency),
    accuracy: entry.accuracy && change(entry.accuracy),
    ratio: times(entry.ratio),
  };
  return h("tr", { "data-entry": entry.key },
    h("td", { class: "sight" }),
    h("th", { scope: "row" },
      h("button", {
        type: "button", class: named ? null : "guess", "aria-haspopup": "dialog",
        onclick: () => view.open(e),
      }, named ? name : candidate || "unnamed"),
      h("small", { class: "soft" },
        [named ? "" : "no good name, this is closest", kindOfEntry(entry), tasksSaid(entry)]
          .filter(Boolean).join(" · "))),
    ...columnsShown().map(([column]) => h("td", { class: `of-${column}` }, said[column])));
}

const tasksSaid = ({ quizzes }) => listed(tasksOf(quizzes).map(spaced));

function counted(where) {
  const total = list.entries.length;
  const families = list.entries.filter(({ family }) => family >= 0).length;
  const all = view.shown.length < total
    ? `${number(view.shown.length)} of ${number(total)} families and features`
    : `${number(families)} families and ${count(total - families, "feature")} in no family`;
  return `${all}${where}`;
}

function filled(entries) {
  const { elements } = $("filters");
  // While someone types, the space behind a word is theirs.
  if (elements.words.value.trim() !== words) elements.words.value = words;
  $("head").replaceChildren(columnHeads());
  entries.forEach((e, k) => sight(list.entries[e], $("rows").children[k].firstChild));
}

/** In a row, the part of the best quiz that excites it most, where that takes no loading. */
async function sight(entry, cell) {
  const [row] = entry.rows, [quiz] = entry.quizzes;
  if (quiz === undefined || !(entry.family < 0 ? atHand("f", row) : atHand("g", entry.family))) {
    return;
  }
  const lines = entry.family < 0
    ? (await detailsOf(row)).lines : (await familyLines(entry)).get(row);
  if (texts) {
    cell.replaceChildren(passage(quiz, lines[0], NEAR));
    return;
  }
  const of = (p) => lines[0].subarray(offset(p), offset(p) + size(p));
  const sums = pieces.map((_, p) => of(p).reduce((sum, v) => sum + v, 0));
  const p = sums.indexOf(Math.max(...sums)), tokens = list.quizzes.tokens[quiz];
  const svg = picture([{ piece: p, text: part(tokens, p), levels: of(p) }], "");
  svg.setAttribute("aria-hidden", "true");
  cell.replaceChildren(svg);
}

// ---- the address keeps the state: #explorer?q=corner&k=5&sort=r&open=family+12

const own = () => [
  ...(comparison ? [["of", comparison]] : []),
  ...(words ? [["q", words]] : []),
  ...(upward ? [["up", 1]] : []),
];

async function restored(kept) {
  const of = Number(kept.get("of"));
  await compareBy(of in index.comparisons ? of : 0);
  words = kept.get("q") ?? "";
  upward = kept.has("up");
}

/** The entry of a key; a feature that is in a family has none of its own. */
function entryFor(key) {
  if (key === null || list.byKey.has(key)) return list.byKey.get(key);
  const [agent, feature] = key.split(".").map(Number);
  return [...list.entryOf].find((_, row) => agentOf(row) === agent && featureOf(row) === feature);
}

/** Show another comparison; its list may lie beside the page. */
async function compareBy(which) {
  if (list && which === comparison) return;
  list = await partOf(String(which), unpackList);
  comparison = which;
  prepare();
  build();
}

// ---- the controls

function build() {
  const compared = index.comparisons.length > 1 ? [control("of", "Site and dictionary",
    index.comparisons.map((name, k) => h("option", { value: k, selected: k === comparison }, name)),
  )] : [];
  const search = h("label", { class: "search" }, "Search names and concepts", h("input", {
    type: "search", name: "words", placeholder: "a word of a name, or 2.311 …",
    autocomplete: "off", spellcheck: "false",
  }));
  view.build("Clear", [...compared, search]);
  $("table").hidden = false;
}

async function changed({ target }) {
  if (target.name === "words") return;
  if (target.name === "of") {
    view.chosen = {};
    words = "";
    await compareBy(Number(target.value));
    if (!view.orders().some(([name]) => name === view.sort)) view.sort = "k";
    $("filters").elements.of.focus();
    view.renew();
    return;
  }
  if (target.name === "sort") upward = false;
  view.set(target);
}

function typed({ target }) {
  if (target.name !== "words") return;
  words = target.value.trim();
  view.renew();
}

const view = new ListView({
  part: "explorer",
  rows: "rows",
  content: "feature",
  button: "button",
  keys: { ArrowUp: -1, ArrowDown: 1 },
  perPage: 25,
  facets,
  orders: () => columnsShown().map(([name]) => [name, sorts[name].name]),
  ordered,
  fits: searcher,
  row: line,
  filled,
  counted,
  nothing: "Nothing is like that. Clear the search and the filters to see some.",
  heading: (e, place) => detailHeading(list.entries[e], place),
  heard: (e, place) => spokenEntry(list.entries[e], place),
  body: (e) => [h("p", { class: "soft" }, story(list.entries[e]))],
  more: (e) => detailBody(list.entries[e])
    .catch(({ message }) => [h("p", { class: "bad" }, message)]),
  turns: ["Previous", "Next"],
  opens: "open",
  keyOf: (e) => list.entries[e].key,
  entryOf: entryFor,
  own,
  restored,
  focus: "words",
  forget: () => { words = ""; },
  chosenBeside: () => words !== "",
});

$("filters").addEventListener("input", typed);
$("rows").addEventListener("click", ({ target }) => {
  // The whole row opens, not only the name in it.
  if (!target.closest("button")) target.closest("tr").querySelector("button").click();
});
view.listen(changed);
