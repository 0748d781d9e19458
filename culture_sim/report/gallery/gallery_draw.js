// What the gallery says of a quiz, from the columns that gallery.py embeds.

const $ = within("gallery");
const data = JSON.parse($("data").textContent);
const { quizzes, analysis, orders, layouts, agents, rejected, fromWorld } = data;
const size = quizzes.hash.length;
const indexOf = new Map(quizzes.hash.map((hash, i) => [hash, i]));
const childrenOf = new Map();
quizzes.parents.forEach((parents, i) => {
  for (const hash of new Set(parents)) {
    childrenOf.set(hash, [...(childrenOf.get(hash) ?? []), i]);
  }
});

// ---- words

const maker = (a) => (a < 0 ? "nobody known" : `agent ${a}`);
const agent = (a) => (a < 0 ? "no single agent" : `agent ${a}`);
const short = (hash) => hash.slice(0, 8);
const method = (i) => spaced(data.methods[quizzes.method[i]]);

function explained(i) {
  const kind = analysis.explained[i], tasks = analysis.tasks[i] ?? [];
  const joined = kind === "two rules in sequence" ? tasks.join(", then ") : listed(tasks);
  return tasks.length ? `${kind}: ${spaced(joined)}` : kind;
}

/** What speaks for another answer. The likeliest one need not be the one that most agents give. */
function otherAnswers(i) {
  const ratio = analysis.rival_ratio[i], same = analysis.same_rival[i];
  const byRule = analysis.other_by_rule[i];
  if (!ratio && !same && !byRule) return "No other was found.";
  const most = same > 1 ? `${same} agents give the same other answer.`
    : `${same ? "No two agents give the same other answer" : "No agent gives another"}.`;
  return [
    `The likeliest other is ${likelihood(ratio)} as this one, on average over agents.`,
    most,
    byRule ? "A rule of the world that explains the example gives another: "
      + "the quiz is under-specified." : "",
  ].join(" ").trim();
}

/** A ratio in words, without digits that say nothing. */
function likelihood(ratio) {
  if (ratio >= 1e6) return "over a million times as likely";
  if (ratio < 1e-3) return "less than a thousandth as likely";
  const times = ratio < 10 ? Number(ratio.toPrecision(2)) : number(Math.round(ratio));
  return times === 1 ? "about as likely" : `${times} times as likely`;
}

const spokenQuiz = (tokens) =>
  orders[0].map((p) => `${pieces[p].name}, ${spoken(part(tokens, p), p)}`).join(". ");

// ---- quizzes

/** What an agent answers; only answers that are not the quiz's own are kept. */
const answer = (i, a, d) =>
  quizzes.answers[i][`${a},${d}`] ?? part(quizzes.tokens[i], orders[d].at(-1));
const vote = (i, a, d) => quizzes.votes[i][orders.length * a + d];
const votesOf = (i, a) => orders.map((_, d) => vote(i, a, d));
/** Strips are too long to stand in one line: a question stands below its example. */
const across = strips ? drawing.example || 1 : undefined;
const parts = (tokens) => orders[0].map((p, k) =>
  panel(tokens, p, { apart: k === drawing.example, outlined: k === orders[0].length - 1 }));
