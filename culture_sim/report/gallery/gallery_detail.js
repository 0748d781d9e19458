// One quiz in a dialog: what every agent answers, what it is, and where it comes from.

const heading = (i, place) =>
  [`Quiz ${short(quizzes.hash[i])} `, h("small", { class: "soft" }, place)];

function body(i) {
  const tokens = quizzes.tokens[i];
  return [
    h("div", { class: "large" }, picture(parts(tokens), spokenQuiz(tokens), across)),
    h("p", null, story(i)),
    ...orders.map((_, d) => direction(i, d)),
    ...figures(i),
    ...lineage(i),
  ];
}

function story(i) {
  const asked = agents.map((_, a) => a).filter((a) => vote(i, a, 0) !== "-");
  const failed = asked.filter((a) => votesOf(i, a).includes("0"));
  const solved = asked.length - failed.length;
  const by = maker(quizzes.proposer[i]);
  const made = `Proposed by ${by} in round ${quizzes.round[i]} (${method(i)}). `;
  const who = failed.map((a) => {
    const missed = orders.filter((_, d) => vote(i, a, d) === "0").map((order) => order.at(-1));
    return `agent ${a} missed ${listed(missed.map((p) => pieces[p].name))}`;
  });
  const rest = failed.length ? `; ${listed(who)}` : "";
  const ways = orders.length > 1 ? " both ways" : "";
  return `${made}${solved} of ${asked.length} agents asked solved it${ways}${rest}.`;
}

function direction(i, d) {
  const order = orders[d], asked = order.at(-1);
  const twins = orders.filter((each) => `${each}` === `${order}`).length > 1;
  const right = part(quizzes.tokens[i], asked);
  const given = listed(order.slice(0, -1).map((p) => pieces[p].name));
  const svg = picture([{ piece: asked, text: right, outlined: true }],
    `Right answer: ${spoken(right, asked)}`);
  const truth = figure("right", h("b", null, "answer"), svg);
  return h("section", null,
    h("h4", null, `${pieces[asked].name}, from ${given}${twins ? ` (${layouts[d]})` : ""}`),
    h("ul", { class: "answers" }, truth, ...agents.map((_, a) => agentAnswer(i, a, d, right))));
}

function agentAnswer(i, a, d, right) {
  const asked = orders[d].at(-1);
  const voted = { 1: "right", 0: "wrong", "-": "not asked" }[vote(i, a, d)];
  const name = h("b", { style: `--agent:${agents[a].colour}` }, agent(a));
  if (!agents[a].known) {
    return figure("", name, picture([{ piece: asked, text: "" }], "not known"), `voted: ${voted}`);
  }
  const text = answer(i, a, d), wrong = wrongCells(text, right);
  const then = voted === (wrong.length ? "wrong" : "right") ? null : `voted: ${voted}`;
  if (!wrong.length) {
    const svg = picture([{ piece: asked, text }], `Agent ${a} answers right`);
    return figure("", name, svg, h("span", { class: "good" }, "✓ right"), then);
  }
  const svg = picture([{ piece: asked, text, wrong }],
    `Agent ${a} answers wrong: ${mistakes(text, right, asked)}`);
  const marked = h("span", { class: "bad" }, `✗ ${count(wrong.length, unit)} wrong`);
  return figure("wrong", name, svg, marked, then);
}

const note = (text) => h("span", { class: "soft" }, text);
const figure = (kind, name, svg, ...lines) =>
  h("li", { class: kind }, name, svg, ...lines.filter(Boolean).map(note));

function figures(i) {
  const ways = orders.length > 1 ? " and both ways" : "";
  const wrong = `${quizzes.wrong[i]} wrong ${unit}s a vote, on average over agents${ways}.`;
  if (!analysis || analysis.explained[i] === null) return [h("p", { class: "soft" }, wrong)];
  const kept = analysis.novelty_culture[i];
  // Counts are called by their plurals.
  const shows = data.counts.map((name) =>
    `${number(analysis[name][i])} ${spaced(analysis[name][i] === 1 ? name.slice(0, -1) : name)}`);
  const rows = [
    ["Rule", analysis.tasks[i].length
      ? sentence(explained(i)) : "None of the world’s tasks was found to explain it."],
    ["Novelty", `${count(analysis.novelty_world[i], unit)} from the nearest quiz of the world, `
      + `${kept} from the nearest that was kept.`],
    ["Difficulty", wrong],
    ["Other answers", otherAnswers(i)],
    ...(shows.length ? [["Shows", sentence(listed(shows))]] : []),
  ];
  return [h("h4", null, "What it is"),
    h("dl", null, ...rows.flatMap(([term, text]) => [h("dt", null, term), h("dd", null, text)]))];
}

function lineage(i) {
  const parents = [...new Set(quizzes.parents[i])];
  const children = childrenOf.get(quizzes.hash[i]) ?? [];
  const group = (title, relatives) =>
    relatives.length ? [h("h4", null, title), h("ul", { class: "kin" }, ...relatives)] : [];
  const made = group("Made from", parents.map((hash) => parent(hash, i)));
  return [...made, ...group("Went into", children.map((child) => relative(child)))];
}

function parent(hash, child) {
  if (indexOf.has(hash)) {
    const i = indexOf.get(hash);
    return relative(i, taken(quizzes.tokens[i], child));
  }
  const name = short(hash);
  if (Object.hasOwn(rejected, hash)) {
    const { tokens, round, reason } = rejected[hash];
    return ancestor(tokens, child, `${name}, round ${round}, not kept (${reason})`);
  }
  if (Object.hasOwn(fromWorld, hash)) {
    const { tokens, task } = fromWorld[hash];
    return ancestor(tokens, child, `${name}, a quiz of the world: ${spaced(task)}`);
  }
  return h("li", { class: "ancestor" },
    note(`${name}, a quiz of the world that cannot be drawn again: its task is not known`));
}

/** A parent that has no place of its own in the gallery. */
function ancestor(tokens, child, name) {
  return h("li", { class: "ancestor" }, picture(parts(tokens), spokenQuiz(tokens), across),
    note(name), note(taken(tokens, child)));
}

/** What of a parent is in its child. */
function taken(tokens, child) {
  const same = orders[0].filter((p) => part(tokens, p) === part(quizzes.tokens[child], p));
  const gave = same.length ? `gave ${listed(same.map((p) => pieces[p].name))}; ` : "";
  const other = orders[0].flatMap((p) =>
    wrongCells(part(tokens, p), part(quizzes.tokens[child], p)));
  return `${gave}${count(other.length, unit)} changed`;
}

function relative(i, about = null) {
  const name = short(quizzes.hash[i]), svg = picture(parts(quizzes.tokens[i]), "", across);
  svg.setAttribute("aria-hidden", "true");
  return h("li", null, h("button", {
    type: "button",
    class: "card",
    "data-quiz": quizzes.hash[i],
    "aria-label": `Quiz ${name}: ${said(i)}${about ? `; ${about}` : ""}`,
    onclick: () => view.follow(i),
  },
  svg,
  note(`${name}, round ${quizzes.round[i]}, by ${maker(quizzes.proposer[i])}`),
  about && note(about)));
}
