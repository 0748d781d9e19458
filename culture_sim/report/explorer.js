// The explorer: a list of families and features, filters, pages, and the address that keeps them.

const PAGE = 25;
const chosen = {};
let words = "", sort = "k", upward = false;
let page = 0, shown = [], opened = null, place = 0;

// ---- filters

/** What can be filtered by: the values of an entry, and how a value is called. */
const facets = {
  k: {
    label: "Shared by",
    of: ({ rows }) => [rows.length],
    name: (k) => (k > 1 ? `${k} agents` : "in no family"),
    order: (a, b) => b - a,
  },
  kind: {
    label: "Kind",
    of: ({ rows }) => [...new Set(rows.flatMap(kindsOf))],
    name: (kind) => `${kind} in some agent`,
  },
  agent: { label: "Agent", of: ({ rows }) => rows.map(agentOf), name: (a) => `in agent ${a}` },
  task: { label: "Task", of: ({ quizzes }) => [...new Set(quizzes.map(taskOf))], name: spaced },
};
const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);

const sorts = {
  k: { name: "shared by most", of: ({ rows, excess }) => 10 * rows.length + (excess || 0) },
  r: { name: "highest r", of: ({ r }) => r },
  excess: { name: "furthest beyond the null", of: ({ excess }) => excess },
  f1: { name: "best named", of: ({ f1 }) => f1 },
  frequency: { name: "fires most", of: ({ frequency }) => frequency },
  effect: { name: "most needed", of: ({ effect }) => effect },
};

/** Once for a comparison: the values of every facet, and every entry in lower case. */
function prepare() {
  for (const facet of Object.values(facets)) {
    const every = list.entries.map(facet.of);
    facet.values = [...new Set(every.flat())].sort(facet.order ?? compare);
    const places = new Map(facet.values.map((v, k) => [v, k]));
    facet.column = every.map((found) => found.map((v) => places.get(v)));
  }
  list.orders = {};
  list.lower ??= list.texts.map((text) => text.toLowerCase());
}

/** Entries by a column, highest first; what is not known comes last whichever way it goes. */
function ordered() {
  const way = `${sort}${upward}`;
  if (!list.orders[way]) {
    const value = list.entries.map(sorts[sort].of), sign = upward ? -1 : 1;
    const known = (e) => Number.isFinite(value[e]);
    list.orders[way] = [...list.entries.keys()].sort((a, b) =>
      known(b) - known(a) || (known(a) ? sign * (value[b] - value[a]) : 0) || a - b);
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

/** Filter; a facet counts what would be left if only its own choice were another. */
function choose() {
  const fits = searcher();
  const tests = Object.entries(facets).map(([name, facet]) => ({
    facet, wanted: name in chosen ? chosen[name] : -1, left: facet.values.map(() => 0),
  }));
  shown = ordered().filter((e) => {
    if (!fits(e)) return false;
    const failed = tests.filter(({ facet, wanted }) =>
      wanted >= 0 && !facet.column[e].includes(wanted));
    const counted = [tests, failed][failed.length] ?? [];
    for (const { facet, left } of counted) {
      for (const k of facet.column[e]) left[k] += 1;
    }
    return !failed.length;
  });
  page = Math.min(page, pages() - 1);
  for (const { facet, left } of tests) facet.left = left;
}

const pages = () => Math.max(1, Math.ceil(shown.length / PAGE));

function render() {
  choose();
  const { elements } = $("filters");
  for (const [name, facet] of Object.entries(facets)) {
    elements[name].value = name in chosen ? String(chosen[name]) : "";
    facet.values.forEach((v, k) => {
      elements[name].options[k + 1].textContent = `${facet.name(v)} (${number(facet.left[k])})`;
    });
  }
  // While someone types, the space behind a word is theirs.
  if (elements.words.value.trim() !== words) elements.words.value = words;
  elements.sort.value = sort;
  elements.clear.disabled = !words && !Object.keys(chosen).length;
  showPage();
}

// ---- the list

const columnsShown = () => [
  ["k", "agents"], ["r", "r"], ["excess", "beyond null"], ["f1", "name F1"],
  ["frequency", "fires on"], ...(list.column.effect ? [["effect", "effect"]] : []),
];

function heading() {
  const sortable = columnsShown().map(([name, text]) => h("th", {
    scope: "col", class: `of-${name}`,
    "aria-sort": sort === name ? (upward ? "ascending" : "descending") : null,
  }, h("button", { type: "button", onclick: () => sortBy(name) }, text)));
  return h("tr", null, h("th", { scope: "col", class: "sight" }, h("span", { class: "heard" },
    "Picture")), h("th", { scope: "col" }, "feature"), ...sortable);
}

function sortBy(name) {
  upward = sort === name && !upward;
  sort = name;
  page = 0;
  render();
  $("head").querySelector(`.of-${name} button`).focus();
}

function line(e) {
  const entry = list.entries[e], { name, candidate, rows, r, excess, f1, frequency } = entry;
  const named = isNamed(name);
  const said = {
    k: h("span", { class: "who", role: "img", "aria-label": `agents ${listed(rows.map(agentOf))}` },
      ...list.agents.map((agent) => h("i", rows.some((row) => agentOf(row) === agent)
        ? { style: `background:${colourOf(agent)}`, title: `agent ${agent}` } : null))),
    r: h("span", { class: "rated" }, meter(r || 0), two(r)),
    excess: two(excess),
    f1: two(f1),
    frequency: percent(frequency),
    effect: signed(entry.effect),
  };
  return h("tr", { "data-entry": entry.key },
    h("td", { class: "sight" }),
    h("th", { scope: "row" },
      h("button", {
        type: "button", class: named ? null : "guess", "aria-haspopup": "dialog",
        onclick: () => open(e),
      }, named ? name : candidate || "unnamed"),
      h("small", { class: "soft" },
        `${named ? "" : "no good name, this is closest · "}${kindOfEntry(entry)} · ${tasksSaid(entry)}`)),
    ...columnsShown().map(([column]) => h("td", { class: `of-${column}` }, said[column])));
}

const tasksSaid = ({ quizzes }) => listed([...new Set(quizzes.map(taskOf))].map(spaced));

function showPage() {
  const first = page * PAGE, rows = shown.slice(first, first + PAGE);
  $("head").replaceChildren(heading());
  $("rows").replaceChildren(...rows.map(line));
  const total = list.entries.length;
  const families = list.entries.filter(({ family }) => family >= 0).length;
  const all = shown.length < total
    ? `${number(shown.length)} of ${number(total)} families and features`
    : `${number(families)} families and ${count(total - families, "feature")} in no family`;
  const where = pages() > 1 ? `, ${number(first + 1)} to ${number(first + rows.length)}` : "";
  $("count").textContent = shown.length
    ? `${all}${where}` : "Nothing is like that. Clear the search and the filters to see some.";
  $("pages").hidden = pages() === 1;
  const [back, text, on] = $("pages").children;
  back.disabled = page === 0;
  on.disabled = page === pages() - 1;
  text.textContent = `Page ${page + 1} of ${number(pages())}`;
  save();
  rows.forEach((e, k) => sight(list.entries[e], $("rows").children[k].firstChild));
}

/** In a row, the part of the best quiz that excites it most, where that takes no loading. */
async function sight(entry, cell) {
  const [row] = entry.rows, [quiz] = entry.quizzes;
  if (quiz === undefined || !(entry.family < 0 ? atHand("f", row) : atHand("g", entry.family))) {
    return;
  }
  const lines = entry.family < 0
    ? (await detailsOf(row)).lines : (await familyLines(entry)).get(row);
  const sums = drawing.parts.map((_, p) =>
    lines[0].subarray(p * cells, (p + 1) * cells).reduce((sum, v) => sum + v, 0));
  const p = sums.indexOf(Math.max(...sums)), tokens = list.quizzes.tokens[quiz];
  const levels = lines[0].subarray(p * cells, (p + 1) * cells);
  const svg = picture([{ text: part(tokens, p), levels }], "");
  svg.setAttribute("aria-hidden", "true");
  cell.replaceChildren(svg);
}

function turn(by) {
  page += by;
  showPage();
  $("count").scrollIntoView({ block: "start" });
  $("rows").querySelector("button")?.focus({ preventScroll: true });
}

// ---- the address keeps the state: #explorer?q=corner&k=5&sort=r&open=family+12

function save() {
  const kept = new URLSearchParams();
  if (comparison) kept.set("of", comparison);
  if (words) kept.set("q", words);
  for (const [name, k] of Object.entries(chosen)) kept.set(name, facets[name].values[k]);
  if (sort !== "k") kept.set("sort", sort);
  if (upward) kept.set("up", 1);
  if (page) kept.set("page", page + 1);
  if (opened !== null) kept.set("open", list.entries[opened].key);
  const hash = kept.size ? `#explorer?${kept}` : "#explorer";
  if (kept.size || addressed()) history.replaceState(null, "", hash);
}

const addressed = () => /^#explorer(\?|$)/u.test(location.hash);

async function restore() {
  const kept = new URLSearchParams(addressed() ? location.hash.split("?")[1] ?? "" : "");
  const of = Number(kept.get("of"));
  await compareBy(of in index.comparisons ? of : 0);
  for (const [name, facet] of Object.entries(facets)) {
    const k = facet.values.findIndex((v) => String(v) === kept.get(name));
    if (k >= 0) chosen[name] = k;
    else delete chosen[name];
  }
  words = kept.get("q") ?? "";
  const known = columnsShown().map(([name]) => name);
  sort = known.includes(kept.get("sort")) ? kept.get("sort") : "k";
  upward = kept.has("up");
  page = Math.max(0, (parseInt(kept.get("page"), 10) || 1) - 1);
  render();
  if (addressed()) $("title").scrollIntoView();
  const wanted = entryFor(kept.get("open"));
  if (wanted !== undefined) await open(wanted);
  else if ($("detail").open) $("detail").close();
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

const control = (name, label, options) => h("label", null, label, h("select", { name }, ...options));

function build() {
  const compared = index.comparisons.length > 1 ? [control("of", "Site and dictionary",
    index.comparisons.map((name, k) => h("option", { value: k, selected: k === comparison }, name)),
  )] : [];
  const selects = Object.entries(facets).map(([name, facet]) => control(name, facet.label, [
    h("option", { value: "" }, "all"), ...facet.values.map((_, k) => h("option", { value: k })),
  ]));
  const order = control("sort", "Order",
    columnsShown().map(([name]) => h("option", { value: name }, sorts[name].name)));
  const any = () => shown.length && open(shown[Math.floor(Math.random() * shown.length)]);
  $("filters").replaceChildren(...compared,
    h("label", { class: "search" }, "Search names and concepts", h("input", {
      type: "search", name: "words", placeholder: "corner, is blue, 2.311 …",
      autocomplete: "off", spellcheck: "false",
    })),
    ...selects, order,
    h("button", { type: "button", name: "clear", onclick: clear }, "Clear"),
    h("button", { type: "button", name: "any", onclick: any }, "Surprise me"));
  $("pages").replaceChildren(
    h("button", { type: "button", onclick: () => turn(-1) }, "← Previous page"),
    h("span", null),
    h("button", { type: "button", onclick: () => turn(1) }, "Next page →"));
  $("table").hidden = false;
}

function clear() {
  forget();
  render();
  $("filters").elements.words.focus();
}

function forget() {
  for (const name of Object.keys(chosen)) delete chosen[name];
  words = "";
  page = 0;
}

async function changed({ target }) {
  if (target.name === "words") return;
  if (target.name === "of") {
    forget();
    await compareBy(Number(target.value));
    if (!columnsShown().some(([name]) => name === sort)) sort = "k";
    $("filters").elements.of.focus();
  } else if (target.name === "sort") [sort, upward] = [target.value, false];
  else if (target.value) chosen[target.name] = Number(target.value);
  else delete chosen[target.name];
  page = 0;
  render();
}

function typed({ target }) {
  if (target.name !== "words") return;
  words = target.value.trim();
  page = 0;
  render();
}

/** Arrow keys go from row to row, and over the end of a page to the next one. */
function walk(event) {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const buttons = [...$("rows").querySelectorAll("button")];
  const next = buttons.indexOf(document.activeElement) + by;
  if (!by) return;
  event.preventDefault();
  if (next >= 0 && next < buttons.length) buttons[next].focus();
  else if (page + by >= 0 && page + by < pages()) {
    turn(by);
    if (by < 0) [...$("rows").querySelectorAll("button")].at(-1).focus();
  }
}

const failed = ({ message }) => { $("count").textContent = `It cannot be shown: ${message}.`; };
const guarded = (act) => (event) => Promise.resolve(act(event)).catch(failed);
$("filters").addEventListener("change", guarded(changed));
$("filters").addEventListener("input", typed);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("rows").addEventListener("keydown", walk);
$("rows").addEventListener("click", ({ target }) => {
  // The whole row opens, not only the name in it.
  if (!target.closest("button")) target.closest("tr").querySelector("button").click();
});
$("detail").addEventListener("close", closed);
$("detail").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) step(by);
});
$("detail").addEventListener("click", (event) => {
  // A click beside the box is a click on the dialog itself.
  if (event.target === $("detail")) $("detail").close();
});
window.addEventListener("hashchange", () => addressed() && restore().catch(failed));
restore().catch(failed);
