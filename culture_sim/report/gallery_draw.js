// What the gallery says of a quiz, from the columns that gallery.py embeds.

const $ = within("gallery");
const data = JSON.parse($("data").textContent);
const { quizzes, analysis, orders, agents, rejected, fromWorld } = data;
const size = quizzes.hash.length;
const indexOf = new Map(quizzes.hash.map((hash, i) => [hash, i]));
const childrenOf = new Map();
quizzes.parents.forEach((parents, i) => {
  for (const hash of new Set(parents)) {
    childrenOf.set(hash, [...(childrenOf.get(hash) ?? []), i]);
  }
});

// ---- words

const agent = (a) => (a < 0 ? "no single agent" : `agent ${a}`);
const short = (hash) => hash.slice(0, 8);
const procedure = (i) => spaced(data.procedures[quizzes.procedure[i]]);

function explained(i) {
  const kind = analysis.explained[i], tasks = analysis.tasks[i] ?? [];
  const joined = kind === "two rules in sequence" ? tasks.join(", then ") : listed(tasks);
  return tasks.length ? `${kind}: ${spaced(joined)}` : kind;
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

const spokenQuiz = (tokens) =>
  orders[0].map((p) => `${drawing.parts[p]}, ${spoken(part(tokens, p))}`).join(". ");

// ---- quizzes

/** What an agent answers; only answers that are not the quiz's own are kept. */
const answer = (i, a, d) =>
  quizzes.answers[i][`${a},${d}`] ?? part(quizzes.tokens[i], orders[d].at(-1));
const vote = (i, a, d) => quizzes.votes[i][2 * a + d];
const parts = (tokens) => orders[0].map((p, k) =>
  panel(tokens, p, { apart: k === 2, outlined: k === orders[0].length - 1 }));
