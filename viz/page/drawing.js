// One drawing: what stands in it, its view, and what mouse and keys do there.
const ZOOM = 1.25; // a factor
const READABLE = 0.85, LARGEST = 1.6; // scales: below, words are too small; above, nothing is fitted

class Level {
  constructor(viewer, part, known) {
    this.viewer = viewer;
    this.part = part;
    this.label = part.querySelector("summary").textContent;
    this.stage = part.querySelector(".stage");
    this.svg = this.stage.querySelector("svg");
    const [x, y, width, height] = this.svg.getAttribute("viewBox").split(/[ ,]+/).map(Number);
    this.whole = { x, y, width, height };
    this.svg.setAttribute("role", "group");
    this.svg.removeAttribute("style");
    this.svg.querySelector(":scope > title")?.remove();
    this.things = this.read(known);
    this.listen();
  }

  // The nodes and boxes in the order of the drawing, and everything that has a tip.
  read(known) {
    const groups = new Map(), things = [];
    this.tips = new Map();
    for (const group of this.svg.querySelectorAll("g[data-id]")) {
      groups.set(group.dataset.id, group);
      const title = group.querySelector(":scope > title");
      this.tips.set(group, { tip: title ? title.textContent : "", group });
      title?.remove(); // the card takes its place
    }
    for (const [id, group] of groups) {
      if (!group.classList.contains("node")) continue;
      const box = known.boxes[id], around = groups.get(`cluster_${id}`);
      const thing = new Thing(this.viewer.graph, id, group, around, box, this.tips.get(group).tip);
      this.tips.set(group, thing);
      if (around) this.tips.set(around, thing);
      things.push(thing);
    }
    this.byId = new Map(things.map(thing => [thing.id, thing]));
    this.edges = [...groups.values()].filter(group => group.classList.contains("edge"));
    return things.sort((a, b) => a.order - b.order);
  }

  around(id) { return this.things.find(thing => thing.members.includes(id)); }

  recolor(frame) { for (const thing of this.things) thing.recolor(frame); }

  // -------------------------------------------------------------- the view
  set(view) {
    this.view = view;
    this.svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  }

  fit() {
    const { clientWidth: wide, clientHeight: high } = this.stage, { x, y, width, height } = this.whole;
    const scale = Math.min(wide / width, high / height, LARGEST) || 1;
    const [w, h] = [wide / scale || width, high / scale || height];
    this.set({ x: x + (width - w) / 2, y: y + (height - h) / 2, width: w, height: h });
  }

  // All of it if that can be read, else the top of it.
  home() {
    const { clientWidth: wide, clientHeight: high } = this.stage, { x, y, width, height } = this.whole;
    const scale = Math.min(wide / width, high / height);
    if (scale >= READABLE || !wide) return this.fit();
    const [w, h] = [wide / READABLE, high / READABLE];
    this.set({ x: x + (width - w) / 2, y: h > height ? y + (height - h) / 2 : y, width: w, height: h });
  }

  place(x, y) { return new DOMPoint(x, y).matrixTransform(this.svg.getScreenCTM().inverse()); }

  zoom(by, x, y) {
    const { x: left, y: top, width, height } = this.view;
    const p = x === undefined ? { x: left + width / 2, y: top + height / 2 } : this.place(x, y);
    const across = Math.max(width / this.whole.width, height / this.whole.height) * by;
    if (by > 1 ? across > 20 : width * by < 20) return;
    this.set({ x: p.x - (p.x - left) * by, y: p.y - (p.y - top) * by,
      width: width * by, height: height * by });
  }

  pan(x, y) {
    const scale = this.svg.getScreenCTM().a;
    this.set({ ...this.view, x: this.view.x - x / scale, y: this.view.y - y / scale });
  }

  center(thing) {
    const stage = this.stage.getBoundingClientRect(), box = thing.group.getBoundingClientRect();
    const scale = this.svg.getScreenCTM().a;
    if (scale < READABLE) this.zoom(scale / READABLE, box.x + box.width / 2, box.y + box.height / 2);
    const now = thing.group.getBoundingClientRect();
    this.pan(stage.x + stage.width / 2 - now.x - now.width / 2,
      stage.y + stage.height / 2 - now.y - now.height / 2);
  }

  // -------------------------------------------------------------- the user
  listen() {
    const { stage, viewer } = this;
    let from = null, moved = 0;
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label",
      "Graph: arrow keys move it, plus and minus zoom, 0 fits it, n and p go through its nodes");
    stage.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage) return; // scroll on
      event.preventDefault();
      this.zoom(Math.exp(Math.sign(event.deltaY) * Math.min(0.3, Math.abs(event.deltaY) / 400)),
        event.clientX, event.clientY);
    }, { passive: false });
    stage.addEventListener("pointerdown", event => { from = event; moved = 0; });
    stage.addEventListener("pointermove", event => {
      if (!from || !event.buttons) return this.hover(event);
      moved += Math.abs(event.movementX) + Math.abs(event.movementY);
      if (moved < 4) return;
      if (!stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
      this.pan(event.movementX, event.movementY);
      viewer.hush();
    });
    stage.addEventListener("pointerleave", () => this.leave());
    stage.addEventListener("pointerup", () => { from = null; });
    stage.addEventListener("click", event => { if (moved < 4) this.click(event.target); });
    stage.addEventListener("dblclick", event => this.zoom(1 / ZOOM / ZOOM, event.clientX, event.clientY));
    stage.addEventListener("keydown", event => {
      const keys = {
        ArrowLeft: () => this.pan(60, 0), ArrowRight: () => this.pan(-60, 0),
        ArrowUp: () => this.pan(0, 60), ArrowDown: () => this.pan(0, -60),
        "+": () => this.zoom(1 / ZOOM), "=": () => this.zoom(1 / ZOOM), "-": () => this.zoom(ZOOM),
        0: () => this.fit(), n: () => viewer.walk(1), p: () => viewer.walk(-1),
        Enter: () => viewer.shown?.box && viewer.open(viewer.shown), Escape: () => viewer.hush(),
      };
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
  }

  hover(event) {
    const group = event.target.closest("g[data-id]"), thing = group && this.tips.get(group);
    if (!thing || !thing.tip.trim()) return this.leave();
    this.viewer.tell(thing, event.clientX + 14, event.clientY + 14);
    for (const edge of this.edges) {
      const near = thing.id && edge.dataset.id.split("->").some(end => end.split(":")[0] === thing.id);
      edge.classList.toggle("near", Boolean(near));
    }
  }

  leave() {
    this.viewer.hush();
    for (const edge of this.edges) edge.classList.remove("near");
  }

  click(target) {
    const group = target.closest("g[data-id]"), thing = group && this.tips.get(group);
    if (!thing) return;
    if (thing.box) this.viewer.open(thing);
    else if (thing.id) history.replaceState(null, "", `#${encodeURIComponent(thing.name)}`);
    else if (group.classList.contains("cluster")) this.viewer.close(thing.tip.split("\n")[0]);
  }
}

// One node, or a box of several.
class Thing {
  constructor(graph, id, group, around, box, tip) {
    Object.assign(this, { id, group, around, box, tip });
    this.members = box ? box.members : [id];
    this.name = box ? box.name : graph.names[id] ?? tip.split("\n")[0];
    this.names = [this.name, ...this.members.map(member => graph.names[member] ?? "")]
      .map(name => name.toLowerCase());
    this.row = box ? (box.text && { text: box.text }) : graph.rows?.[id];
    this.order = Number(this.members[0].replace(/\D/g, ""));
    this.shapes = [...group.querySelectorAll("polygon, path, ellipse, rect")];
    this.words = [...group.querySelectorAll("text")];
    this.value = (around ?? group).querySelector(".value");
    this.wrong = (around ?? group).querySelector(".wrong");
  }

  answers(words) { return this.names.some(name => name.includes(words)); }

  mark(what, on) {
    this.group.classList.toggle(what, on);
    this.around?.classList.toggle(what, on);
  }

  recolor(frame) {
    if (!this.row) return;
    const [value, wrong = ""] = this.row.text[frame].split("\n");
    if (this.wrong) this.wrong.textContent = wrong;
    if (this.value) this.value.textContent = this.wrong || !wrong ? value : `${value}  ${wrong}`;
    if (this.box) return this.stripe(frame);
    const { ink, ...look } = data.looks[this.row.look[frame]];
    for (const shape of this.shapes) for (const key in look) shape.setAttribute(key, look[key]);
    for (const line of this.words) line.setAttribute("fill", ink);
  }

  stripe(frame) {
    this.cells ??= this.shapes.filter(shape => shape.getAttribute("fill") !== "none");
    this.cells.forEach((cell, i) =>
      cell.setAttribute("fill", data.looks[this.box.cells[i]?.[frame] ?? "-"].fill));
  }
}

