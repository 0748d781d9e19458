// The gallery: cards, filters, pages, and the address that keeps what is chosen.

const PAGE = 24;

// ---- cards

/** What the dissenter answers now: preferably in the direction in which it failed. */
function dissent(i) {
  const a = quizzes.dissenter[i];
  if (a < 0 || !agents[a].known) return null;
  const failed = [...orders.keys()].filter((d) => `${a},${d}` in quizzes.answers[i]);
  if (!failed.length) return { name: `${a} solves it`, text: "" };
  const d = failed.find((each) => vote(i, a, each) === "0") ?? failed[0];
  const asked = orders[d].at(-1), given = answer(i, a, d);
  const right = part(quizzes.tokens[i], asked);
  const wrong = wrongCells(given, right);
  return { name: `${a}’s ${drawing.parts[asked]}`, text: given, wrong };
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
  const origin = `round ${quizzes.round[i]}, proposed by ${agent(quizzes.proposer[i])}`;
  return `${origin}, dissenter ${agent(quizzes.dissenter[i])}, ${procedure(i)}`;
}

function facts(i) {
  if (!analysis || analysis.explained[i] === null) return null;
  const unclear = analysis.ambiguous[i] ? " · ambiguous" : "";
  const novelty = count(analysis.novelty_world[i], "cell");
  return `${explained(i)} · ${novelty} from the world${unclear}`;
}

function card(i) {
  const drawn = parts(quizzes.tokens[i]), last = dissent(i);
  if (last) drawn.push({ ...last, apart: true });
  const about = facts(i), by = agent(quizzes.proposer[i]);
  const origin = `round ${quizzes.round[i]} · by ${by} · ${procedure(i)}`;
  const svg = picture(drawn, "");
  svg.setAttribute("aria-hidden", "true");
  return h("li", null, h("button", {
    type: "button",
    class: "card",
    "data-quiz": quizzes.hash[i],
    "aria-label": `Quiz ${short(quizzes.hash[i])}: ${said(i)}${about ? `; ${about}` : ""}`,
    "aria-haspopup": "dialog",
    onclick: () => open(i),
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
  return `${from === bounds[b] ? from : `${from} to ${bounds[b]}`} cells from the world`;
}

/** What can be filtered by: the value of a quiz (null: not known; or a list of several), and how
 *  a value is called. */
const facets = {
  round: { label: "Round", of: (i) => quizzes.round[i], name: (v) => `round ${v}` },
  proposer: { label: "Proposer", of: (i) => quizzes.proposer[i], name: agent },
  dissenter: { label: "Dissenter", of: (i) => quizzes.dissenter[i], name: agent },
  procedure: {
    label: "Procedure",
    of: (i) => quizzes.procedure[i],
    name: (v) => data.procedures[v].replaceAll("_", " "),
  },
  lineage: {
    label: "Lineage",
    of: (i) => (childrenOf.has(quizzes.hash[i]) ? 2 : 0) + (quizzes.parents[i].length ? 1 : 0),
    name: (v) => ["alone", "has parents", "has children", "parents and children"][v],
  },
  ...(analysis && {
    explained: { label: "Explained by", of: known("explained"), name: (v) => v },
    task: { label: "Task", of: tasksOf, name: (v) => v.replaceAll("_", " ") || "no task" },
    novelty: { label: "Novelty", of: band, name: bandName },
    ambiguous: {
      label: "Answer",
      of: known("ambiguous"),
      name: (v) => (v ? "ambiguous" : "clear"),
    },
  }),
};
const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
for (const facet of Object.values(facets)) {
  const every = [...Array(size).keys()].map((i) => [facet.of(i)].flat().filter((v) => v !== null));
  facet.values = [...new Set(every.flat())].sort(compare);
  facet.column = every.map((found) => found.map((v) => facet.values.indexOf(v)));
}

/** By a column, up or down; what is not known comes last. */
const by = (column, sign) => (a, b) =>
  column[a] === null || column[b] === null
    ? (column[a] === null) - (column[b] === null)
    : sign * (column[a] - column[b]);
const sorts = {
  newest: { name: "newest first", order: (a, b) => b - a },
  oldest: { name: "oldest first", order: (a, b) => a - b },
  hardest: { name: "most wrong cells", order: by(quizzes.wrong, -1) },
  easiest: { name: "fewest wrong cells", order: by(quizzes.wrong, 1) },
  ...(analysis && {
    novel: { name: "most novel", order: by(analysis.novelty_world, -1) },
    familiar: { name: "least novel", order: by(analysis.novelty_world, 1) },
  }),
};

// ---- state: what is chosen, and what is shown of it

const chosen = {};
let sort = "newest", page = 0, shown = [], opened = null, place = 0;

function orderOf(name) {
  sorts[name].all ??= [...Array(size).keys()].sort(sorts[name].order);
  return sorts[name].all;
}

/** Filter; a facet counts what would be left if only its own choice were another. */
function choose() {
  const tests = Object.entries(facets).map(([name, facet]) => ({
    facet, wanted: name in chosen ? chosen[name] : -1, left: facet.values.map(() => 0),
  }));
  shown = orderOf(sort).filter((i) => {
    const failed = tests.filter(({ facet, wanted }) =>
      wanted >= 0 && !facet.column[i].includes(wanted));
    const counted = [tests, failed][failed.length] ?? [];
    for (const { facet, left } of counted) {
      for (const k of facet.column[i]) left[k] += 1;
    }
    return !failed.length;
  });
  page = Math.min(page, Math.max(0, Math.ceil(shown.length / PAGE) - 1));
  for (const { facet, left } of tests) facet.left = left;
}

const pages = () => Math.max(1, Math.ceil(shown.length / PAGE));

function render() {
  choose();
  for (const [name, facet] of Object.entries(facets)) refresh(name, facet);
  $("filters").elements.sort.value = sort;
  $("filters").elements.clear.disabled = !Object.keys(chosen).length;
  showPage();
}

function refresh(name, facet) {
  const select = $("filters").elements[name];
  if (!select) return;
  select.value = name in chosen ? String(chosen[name]) : "";
  facet.values.forEach((v, k) => {
    const option = select.options[k + 1];
    option.textContent = `${facet.name(v)} (${number(facet.left[k])})`;
  });
}

function showPage() {
  const first = page * PAGE, rows = shown.slice(first, first + PAGE);
  $("cards").replaceChildren(...rows.map(card));
  const found = shown.length === size ? "" : `${number(shown.length)} of `;
  const where = pages() > 1
    ? `, ${number(first + 1)} to ${number(first + rows.length)} on this page` : "";
  $("count").textContent = shown.length
    ? `${found}${count(size, "quiz")}${where}`
    : "No quiz is like that. Clear the filters to see some.";
  $("pages").hidden = pages() === 1;
  const [back, text, on] = $("pages").children;
  back.disabled = page === 0;
  on.disabled = page === pages() - 1;
  text.textContent = `Page ${page + 1} of ${pages()}`;
  save();
}

function turn(step) {
  page += step;
  showPage();
  $("count").scrollIntoView({ block: "start" });
  $("cards").querySelector("button")?.focus({ preventScroll: true });
}

// ---- the address keeps the state: #gallery?round=2&sort=novel&page=2&quiz=HASH

function save() {
  const kept = new URLSearchParams();
  for (const [name, k] of Object.entries(chosen)) kept.set(name, facets[name].values[k]);
  if (sort !== "newest") kept.set("sort", sort);
  if (page) kept.set("page", page + 1);
  if (opened !== null) kept.set("quiz", quizzes.hash[opened]);
  const hash = kept.size ? `#gallery?${kept}` : "#gallery";
  if (kept.size || location.hash.startsWith("#gallery")) history.replaceState(null, "", hash);
}

function load() {
  const kept = new URLSearchParams(location.hash.split("?")[1] ?? "");
  for (const [name, facet] of Object.entries(facets)) {
    const k = facet.values.findIndex((v) => String(v) === kept.get(name));
    if (k >= 0) chosen[name] = k;
    else delete chosen[name];
  }
  sort = kept.get("sort") in sorts ? kept.get("sort") : "newest";
  page = Math.max(0, (parseInt(kept.get("page"), 10) || 1) - 1);
  render();
  $("title").scrollIntoView();
  if (indexOf.has(kept.get("quiz"))) open(indexOf.get(kept.get("quiz")));
  else if ($("detail").open) $("detail").close();
}

// ---- the controls

function control(name, label, options) {
  return h("label", null, label, h("select", { name }, ...options));
}

function build() {
  const selects = Object.entries(facets)
    .filter(([, facet]) => facet.values.length > 1)
    .map(([name, facet]) => control(name, facet.label, [
      h("option", { value: "" }, "all"),
      ...facet.values.map((_, k) => h("option", { value: k })),
    ]));
  const order = control("sort", "Order", Object.entries(sorts)
    .map(([name, each]) => h("option", { value: name }, each.name)));
  const any = () => shown.length && open(shown[Math.floor(Math.random() * shown.length)]);
  $("filters").append(...selects, order,
    h("button", { type: "button", name: "clear", onclick: clear }, "Clear filters"),
    h("button", { type: "button", name: "any", onclick: any }, "Surprise me"));
  $("pages").append(
    h("button", { type: "button", onclick: () => turn(-1) }, "← Previous page"),
    h("span", null),
    h("button", { type: "button", onclick: () => turn(1) }, "Next page →"));
  $("controls").hidden = false;
  $("controls").open = window.innerWidth > 600;
}

function clear() {
  for (const name of Object.keys(chosen)) delete chosen[name];
  page = 0;
  render();
  $("filters").elements.sort.focus();
}

function changed({ target }) {
  if (target.name === "sort") sort = target.value;
  else if (target.value) chosen[target.name] = Number(target.value);
  else delete chosen[target.name];
  page = 0;
  render();
}

/** Arrow keys go from card to card, and over the end of a page to the next one. */
function walk(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const buttons = [...$("cards").querySelectorAll("button.card")];
  const next = buttons.indexOf(document.activeElement) + by;
  if (!by) return;
  event.preventDefault();
  if (next >= 0 && next < buttons.length) buttons[next].focus();
  else if (page + by >= 0 && page + by < pages()) {
    turn(by);
    if (by < 0) [...$("cards").querySelectorAll("button.card")].at(-1).focus();
  }
}

build();
$("filters").addEventListener("change", changed);
$("cards").addEventListener("keydown", walk);
$("detail").addEventListener("close", closed);
$("detail").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) step(by);
});
$("detail").addEventListener("click", (event) => {
  // A click beside the box is a click on the dialog itself.
  if (event.target === $("detail")) $("detail").close();
});
const addressed = () => location.hash.startsWith("#gallery");
window.addEventListener("hashchange", () => addressed() && load());
if (addressed()) load();
else render();
