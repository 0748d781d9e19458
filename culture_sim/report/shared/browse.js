// What the gallery and the explorer have in common: a list to filter, to go through page by page and
// by keyboard, whose entries open in a dialog, and an address that keeps what is chosen.

/** The elements of one part of the page, whose ids begin with the part's name. */
const within = (part) => (id) => document.getElementById(`${part}-${id}`);

const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
const spaced = (name) => name.replaceAll("_", " ");
const control = (name, label, options) => h("label", null, label, h("select", { name }, ...options));

/** A list of entries, each named by a number. What differs between lists is given:
 *
 *  part: name of the part of the page, which is in its address, too. rows, content: ids of the
 *  elements that hold the list and, in the dialog, the entry. button: selector of what opens an
 *  entry of the list. keys: those that go to the entry before and after. perPage: entries.
 *  facets: what can be filtered by: label, of(value): value or values of an entry (null: not
 *  known), name(value), and order, where it is not that of the values. orders(): [name, text] of
 *  what can be sorted by, the default first. ordered(): all entries, sorted. fits(): a test of what
 *  is chosen beside facets. row(entry): its element in the list. filled(entries): once they are in
 *  it. counted(where), nothing: what is said of the list, where it is at and when it is empty.
 *  heading(entry, place), heard(entry, place), body(entry): what the dialog shows and says first;
 *  more(entry): what it shows later. turns: what the dialog's buttons are called. opens: what the
 *  address calls the entry that is open, keyOf(entry), entryOf(key). own(): what else the address
 *  keeps, and restored(kept), which brings it back. focus: the control that has the focus once all
 *  is cleared. forget(), chosenBeside(): clear, and whether there is, anything beside facets. */
class ListView {
  chosen = {};
  sort = null;
  page = 0;
  shown = [];
  opened = null;
  place = 0;

  fits = () => () => true;
  filled = () => {};
  more = async () => [];
  own = () => [];
  restored = async () => {};
  forget = () => {};
  chosenBeside = () => false;

  constructor(given) {
    Object.assign(this, given);
    this.$ = within(this.part);
  }

  // ---- what is chosen

  /** Once for all entries: the values of every facet. */
  prepare(entries) {
    for (const facet of Object.values(this.facets)) {
      const every = entries.map((entry) => [facet.of(entry)].flat().filter((v) => v !== null));
      facet.values = [...new Set(every.flat())].sort(facet.order ?? compare);
      const places = new Map(facet.values.map((v, k) => [v, k]));
      facet.column = every.map((found) => found.map((v) => places.get(v)));
    }
  }

  /** Filter; a facet counts what would be left if only its own choice were another. */
  choose() {
    const fits = this.fits();
    const tests = Object.entries(this.facets).map(([name, facet]) => ({
      facet, wanted: this.chosen[name] ?? -1, left: facet.values.map(() => 0),
    }));
    this.shown = this.ordered().filter((e) => {
      if (!fits(e)) return false;
      const failed = tests.filter(({ facet, wanted }) =>
        wanted >= 0 && !facet.column[e].includes(wanted));
      const counted = [tests, failed][failed.length] ?? [];
      for (const { facet, left } of counted) {
        for (const k of facet.column[e]) left[k] += 1;
      }
      return !failed.length;
    });
    this.page = Math.min(this.page, this.pages() - 1);
    for (const { facet, left } of tests) facet.left = left;
  }

  /** A control was set: to what the list is sorted by, or to a place among a facet's values, "" for
   *  all of them. */
  set({ name, value }) {
    if (name === "sort") this.sort = value;
    else if (value) this.chosen[name] = Number(value);
    else delete this.chosen[name];
    this.renew();
  }

  clear() {
    this.chosen = {};
    this.forget();
    this.renew();
    this.$("filters").elements[this.focus].focus();
  }

  /** Show the first page of what is chosen now. */
  renew() {
    this.page = 0;
    this.render();
  }

  // ---- the controls

  build(clear, before = []) {
    const selects = Object.entries(this.facets)
      // Only where some choice leaves something out.
      .filter(([, facet]) => facet.column.some((found) => found.length < facet.values.length))
      .map(([name, facet]) => control(name, facet.label, [
        h("option", { value: "" }, "all"),
        ...facet.values.map((_, k) => h("option", { value: k })),
      ]));
    const order = control("sort", "Order",
      this.orders().map(([name, text]) => h("option", { value: name }, text)));
    this.$("filters").replaceChildren(...before, ...selects, order,
      h("button", { type: "button", name: "clear", onclick: () => this.clear() }, clear),
      h("button", { type: "button", name: "any", onclick: () => this.any() }, "Surprise me"));
    this.$("pages").replaceChildren(
      h("button", { type: "button", onclick: () => this.turn(-1) }, "← Previous page"),
      h("span", null),
      h("button", { type: "button", onclick: () => this.turn(1) }, "Next page →"));
  }

  any() {
    if (this.shown.length) this.open(this.shown[Math.floor(Math.random() * this.shown.length)]);
  }

  // ---- the list

  render() {
    this.choose();
    const { elements } = this.$("filters");
    for (const [name, facet] of Object.entries(this.facets)) {
      if (elements[name]) this.refresh(elements[name], facet, this.chosen[name] ?? "");
    }
    elements.sort.value = this.sort;
    elements.clear.disabled = !this.chosenBeside() && !Object.keys(this.chosen).length;
    this.showPage();
  }

  refresh(select, facet, value) {
    select.value = String(value);
    facet.values.forEach((v, k) => {
      select.options[k + 1].textContent = `${facet.name(v)} (${number(facet.left[k])})`;
    });
  }

  pages() {
    return Math.max(1, Math.ceil(this.shown.length / this.perPage));
  }

  buttons() {
    return [...this.$(this.rows).querySelectorAll(this.button)];
  }

  showPage() {
    const first = this.page * this.perPage;
    const entries = this.shown.slice(first, first + this.perPage), all = this.pages();
    this.$(this.rows).replaceChildren(...entries.map(this.row));
    const where = all > 1 ? `, ${number(first + 1)} to ${number(first + entries.length)}` : "";
    this.$("count").textContent = this.shown.length ? this.counted(where) : this.nothing;
    this.$("pages").hidden = all === 1;
    const [back, text, on] = this.$("pages").children;
    back.disabled = this.page === 0;
    on.disabled = this.page === all - 1;
    text.textContent = `Page ${this.page + 1} of ${number(all)}`;
    this.save();
    this.filled(entries);
  }

  turn(by) {
    this.page += by;
    this.showPage();
    this.$("count").scrollIntoView({ block: "start" });
    this.buttons()[0]?.focus({ preventScroll: true });
  }

  /** Keys go from entry to entry, and over the end of a page to the next one. */
  walk(event) {
    const by = this.keys[event.key], buttons = this.buttons();
    if (!by) return;
    const next = buttons.indexOf(document.activeElement) + by;
    event.preventDefault();
    if (next >= 0 && next < buttons.length) buttons[next].focus();
    else if (this.page + by >= 0 && this.page + by < this.pages()) {
      this.turn(by);
      if (by < 0) this.buttons().at(-1).focus();
    }
  }

  // ---- the dialog

  async open(e) {
    const found = this.shown.indexOf(e);
    this.place = found < 0 ? this.place : found;
    this.opened = e;
    const place = found < 0 ? "not among those filtered"
      : `${number(found + 1)} of ${number(this.shown.length)}`;
    this.$(this.content).replaceChildren(this.head(this.heading(e, place)), ...this.body(e));
    this.$("heard").textContent = this.heard(e, place);
    if (!this.$("detail").open) this.$("detail").showModal();
    this.$("detail").scrollTop = 0;
    this.save();
    const more = await this.more(e);
    // Another one may have been opened before this one's came.
    if (this.opened === e) this.$(this.content).append(...more);
  }

  head(heading) {
    const [back, on] = this.turns;
    const button = (by, label, text) => h("button", {
      type: "button", "data-step": by, "aria-label": label, title: label,
      disabled: !(this.place + by in this.shown), onclick: () => this.step(by),
    }, text);
    return h("header", null,
      h("h3", { id: `${this.part}-detail-title`, tabindex: "-1" }, ...heading),
      button(-1, `${back} (left arrow)`, "←"),
      button(1, `${on} (right arrow)`, "→"),
      h("button", {
        type: "button", autofocus: true, "aria-label": "Close (Escape)", title: "Close (Escape)",
        onclick: () => this.$("detail").close(),
      }, "✕"));
  }

  /** From the open entry to one before or after it; the button that was used keeps the focus. */
  step(by) {
    if (!(this.place + by in this.shown)) return;
    const focused = document.activeElement?.dataset.step;
    this.open(this.shown[this.place + by]);
    const again = this.$("detail").querySelector(`[data-step="${focused}"]:not(:disabled)`);
    (again ?? this.$("detail").querySelector("h3")).focus();
  }

  /** Open what the open entry leads to. */
  follow(e) {
    this.open(e);
    this.$("detail").querySelector("h3").focus();
  }

  /** The focus returns to the list, where the entry is that was open last. */
  closed() {
    this.opened = null;
    this.page = Math.floor(this.place / this.perPage);
    this.showPage();
    this.buttons()[this.place - this.page * this.perPage]?.focus();
  }

  // ---- the address, such as #gallery?round=2&sort=novel&page=2&quiz=HASH

  addressed() {
    return location.hash.split("?")[0] === `#${this.part}`;
  }

  save() {
    const kept = new URLSearchParams(this.own()), [[usual]] = this.orders();
    for (const [name, k] of Object.entries(this.chosen)) {
      kept.set(name, this.facets[name].values[k]);
    }
    if (this.sort !== usual) kept.set("sort", this.sort);
    if (this.page) kept.set("page", this.page + 1);
    if (this.opened !== null) kept.set(this.opens, this.keyOf(this.opened));
    const hash = kept.size ? `#${this.part}?${kept}` : `#${this.part}`;
    if (kept.size || this.addressed()) history.replaceState(null, "", hash);
  }

  /** Show what the address says, and all else as it is at first. */
  async restore() {
    const kept = new URLSearchParams(this.addressed() ? location.hash.split("?")[1] ?? "" : "");
    await this.restored(kept);
    this.chosen = {};
    for (const [name, facet] of Object.entries(this.facets)) {
      const k = facet.values.findIndex((v) => String(v) === kept.get(name));
      if (k >= 0) this.chosen[name] = k;
    }
    const names = this.orders().map(([name]) => name);
    this.sort = names.includes(kept.get("sort")) ? kept.get("sort") : names[0];
    this.page = Math.max(0, (parseInt(kept.get("page"), 10) || 1) - 1);
    this.render();
    if (this.addressed()) this.$("title").scrollIntoView();
    const wanted = this.entryOf(kept.get(this.opens));
    if (wanted !== undefined) await this.open(wanted);
    else if (this.$("detail").open) this.$("detail").close();
  }

  // ---- what a reader does

  /** changed: what a change of a control does. */
  listen(changed) {
    const { $ } = this;
    const failed = ({ message }) => {
      $("count").textContent = `It cannot be shown: ${message}.`;
    };
    const guarded = (act) => (event) => Promise.resolve(act(event)).catch(failed);
    $("filters").addEventListener("change", guarded(changed));
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $(this.rows).addEventListener("keydown", (event) => this.walk(event));
    $("detail").addEventListener("close", () => this.closed());
    $("detail").addEventListener("keydown", ({ key }) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (by) this.step(by);
    });
    $("detail").addEventListener("click", ({ target }) => {
      // A click beside the box is a click on the dialog itself.
      if (target === $("detail")) $("detail").close();
    });
    const restore = guarded(() => this.restore());
    window.addEventListener("hashchange", () => this.addressed() && restore());
    restore();
  }
}
