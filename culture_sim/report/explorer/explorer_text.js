// Texts in place of drawings: tokens as words, each as dark as the feature fires on it.

const NEAR = 3;
const shownWord = (token) => drawing.words[token];

/** A context, a token an element; only those near the highest where ``near`` says how near. */
function passage(quiz, line, near = Infinity) {
  const tokens = rowOf(list.column.contexts, quiz), peak = line.indexOf(Math.max(...line));
  const marked = [...tokens].flatMap((token, k) => (token < 0 || Math.abs(k - peak) > near ? []
    : [h("mark", {
      class: k === peak ? "peak" : null, style: `--level:${(line[k] / 255).toFixed(3)}`,
      title: line[k] ? `${Math.round(line[k] / 2.55)} %` : null,
    }, shownWord(token)), index.gaps ? " " : ""]));
  return h("p", { class: "passage" }, ...marked);
}

/** A context with what each model does on it. */
function passageRow(quiz, rows, line) {
  const { document: text, position } = list.quizzes, kind = taskOf(quiz);
  const where = `document ${number(text[quiz])}, token ${number(position[quiz])}`;
  return h("section", null,
    h("h5", null, kind === null ? where : spaced(kind),
      kind === null ? null : h("small", { class: "soft" }, where)),
    h("ul", { class: "beside" }, ...rows.map((row) =>
      h("li", null, agentName(row), passage(quiz, line(row))))));
}
