// A figure with its drawings: search, folding, and the card of what is pointed at.
class Viewer {
  constructor(figure, graph) {
    this.figure = figure;
    this.graph = graph;
    this.frame = graph.frames ? graph.frames.at(-1) : 0;
    this.levels = [...figure.querySelectorAll("details.level")].map((part, i) =>
      new Level(this, part, graph.levels[i]));
    this.at = Math.max(0, this.levels.findIndex(level => level.part.open));
    this.hits = [];
    this.card = make("div", { class: "card", hidden: "" });
    this.status = make("p", { class: "status", role: "status" });
    figure.prepend(this.toolbar());
    figure.append(this.card, this.status);
    figure.classList.add("live");
    this.choose(this.at);
    this.level.home();
  }

  get level() { return this.levels[this.at]; }

  toolbar() {
    this.field = make("input", {
      type: "search", placeholder: "Search names", "aria-label": "Search the names of the graph",
      oninput: () => this.search(this.field.value),
      onkeydown: event => {
        if (event.key === "Enter") this.walk(event.shiftKey ? -1 : 1);
        if (event.key === "Escape") { this.field.value = ""; this.search(""); }
      },
    });
    this.buttons = this.levels.map((level, i) =>
      make("button", { type: "button", onclick: () => this.choose(i, true) }, level.label));
    const levels = this.levels.length < 2 ? [] : [
      make("span", { class: "choice", role: "group", "aria-label": "How much is folded" }, ...this.buttons)];
    return make("div", { class: "toolbar" }, this.field, ...levels,
      make("span", { class: "choice", role: "group", "aria-label": "Zoom" },
        button("−", "Zoom out", () => this.level.zoom(ZOOM)),
        button("+", "Zoom in", () => this.level.zoom(1 / ZOOM)),
        button("Fit", "Show the whole graph", () => this.level.fit())));
  }

  choose(i, home = false) {
    this.at = i;
    this.levels.forEach((level, k) => { level.part.open = k === i; });
    this.buttons.forEach((made, k) => made.setAttribute("aria-pressed", k === i));
    this.level.recolor(this.frame);
    if (home || !this.level.view) this.level.home();
    if (this.field.value) this.search(this.field.value);
  }

  show(step) {
    this.frame = this.graph.frames[step];
    this.level.recolor(this.frame);
    if (!this.card.hidden && this.shown) this.fill(this.shown);
  }

  // -------------------------------------------------------------- finding
  search(words) {
    const wanted = words.trim().toLowerCase();
    this.hits = wanted ? this.level.things.filter(thing => thing.answers(wanted)) : [];
    this.walked = -1;
    this.figure.classList.toggle("searching", wanted !== "");
    for (const thing of this.level.things) thing.mark("hit", this.hits.includes(thing));
    const found = this.hits.length === 1 ? "1 place" : `${this.hits.length} places`;
    this.status.textContent = wanted ? `${found} found; Enter goes from one to the next` : "";
  }

  walk(by) {
    const among = this.hits.length ? this.hits : this.level.things;
    const start = this.walked ?? -1;
    this.walked = start < 0 && by < 0 ? among.length - 1 : (start + by + among.length) % among.length;
    this.choose_thing(among[this.walked]);
  }

  // The place of this name, or of something in a module of this name; whether there is one.
  find(name) {
    const inside = other => other === name || other.startsWith(name + ".");
    const order = [this.at, ...this.levels.keys()];
    for (const test of [other => other === name, inside]) {
      for (const i of order) {
        const thing = this.levels[i].things.find(one => test(one.name));
        if (!thing) continue;
        if (i !== this.at) this.choose(i);
        this.choose_thing(thing);
        return true;
      }
    }
    return false;
  }

  choose_thing(thing) {
    for (const level of this.levels) for (const one of level.things) one.mark("chosen", one === thing);
    this.level.center(thing);
    const place = thing.group.getBoundingClientRect();
    this.tell(thing, place.right + 8, place.top);
    this.status.textContent = [thing.name, this.text(thing)].filter(Boolean).join(", ");
  }

  // -------------------------------------------------------------- folding
  open(box) {
    const first = box.members[0];
    for (let i = this.at + 1; i < this.levels.length; i++) {
      const thing = this.levels[i].around(first);
      if (!thing || thing.members.length === box.members.length) continue;
      this.choose(i);
      this.choose_thing(thing);
      return;
    }
  }

  close(path) {
    const inside = name => name === path || name.startsWith(path + ".");
    for (let i = this.at - 1; i >= 0; i--) {
      const box = this.levels[i].things.find(one =>
        one.members.some(id => inside(this.graph.names[id])));
      if (!box) continue;
      this.choose(i);
      this.choose_thing(box);
      return;
    }
  }

  // -------------------------------------------------------------- the card
  text(thing) {
    const known = thing.row?.text[this.frame];
    return known === undefined ? "" : known.replace("\n", "  ");
  }

  fill(thing) {
    const [name, ...lines] = thing.tip.split("\n");
    const parts = [make("strong", {}, name)];
    const last = this.graph.frames?.at(-1);
    if (thing.row) {
      const step = data.steps[this.graph.frames.indexOf(this.frame)];
      parts.push(make("p", {}, `gradient RMS at step ${step}: ${this.text(thing)}`));
      if (thing.row.look) parts.push(strip(thing.row.look, this.frame));
    }
    if (!thing.row || this.frame === last) parts.push(make("pre", {}, lines.join("\n")));
    if (thing.box && this.level !== this.levels.at(-1)) parts.push(make("em", {}, "click to open"));
    this.card.replaceChildren(...parts);
  }

  tell(thing, x, y) {
    this.shown = thing;
    this.fill(thing);
    this.card.hidden = false;
    const { width, height } = this.card.getBoundingClientRect();
    this.card.style.left = `${Math.max(4, Math.min(x, innerWidth - width - 8))}px`;
    this.card.style.top = `${Math.max(4, Math.min(y, innerHeight - height - 8))}px`;
  }

  hush() { this.card.hidden = true; this.shown = null; }
}

// The colours of all frames, with the present one marked.
function strip(looks, frame) {
  const made = make("span", { class: "strip", "aria-hidden": "true" });
  [...looks].forEach((letter, i) => {
    const cell = make("i", i === frame ? { class: "now" } : {});
    cell.style.background = data.looks[letter].fill;
    made.append(cell);
  });
  return made;
}
