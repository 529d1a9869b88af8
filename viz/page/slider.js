// The slider through training, and the line in every chart that says where it stands.
const PATIENCE = 250; // milliseconds a step

class Player {
  constructor(viewers, track) {
    this.viewers = viewers;
    this.last = data.steps.length - 1;
    this.range = make("input", {
      type: "range", min: 0, max: this.last, value: this.last, "aria-label": "Training step",
      oninput: () => this.show(Number(this.range.value)),
    });
    this.output = make("output", { class: "step" });
    this.toggle = button("▶", "Play the training", () => this.play());
    track.append(make("div", { class: "scrub" }, this.range, this.toggle, this.output));
    this.cursors = [...document.querySelectorAll(".when")].map(area => this.cursor(area));
    this.show(this.last);
  }

  show(step) {
    this.step = step;
    this.range.value = step;
    const words = `step ${data.steps[step]}  ${data.losses[step]}`;
    this.output.textContent = words;
    this.range.setAttribute("aria-valuetext", words);
    for (const viewer of this.viewers) viewer.show(step);
    for (const { line, places } of this.cursors) {
      line.setAttribute("x1", places[step]);
      line.setAttribute("x2", places[step]);
    }
  }

  // A line in a chart where the present step is; pressing there goes to another.
  cursor(area) {
    const places = area.dataset.at.split(" ").map(Number), line = document.createElementNS(SVG, "line");
    const top = Number(area.getAttribute("y")), bottom = top + Number(area.getAttribute("height"));
    const left = Number(area.getAttribute("x")), right = left + Number(area.getAttribute("width"));
    const svg = area.ownerSVGElement;
    line.setAttribute("class", "cursor");
    line.setAttribute("y1", top);
    line.setAttribute("y2", bottom);
    area.after(line);
    const go = event => {
      const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      if (p.x < left || p.x > right || p.y < top || p.y > bottom) return;
      const distance = places.map(x => Math.abs(x - p.x));
      this.show(distance.indexOf(Math.min(...distance)));
    };
    svg.classList.add("timed");
    svg.addEventListener("pointerdown", go);
    svg.addEventListener("pointermove", event => { if (event.buttons & 1) go(event); });
    return { line, places };
  }

  play() {
    if (this.timer) return this.stop();
    if (this.step === this.last) this.show(0);
    this.toggle.textContent = "❚❚";
    this.timer = setInterval(() => {
      if (this.step === this.last) this.stop();
      else this.show(this.step + 1);
    }, PATIENCE);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.toggle.textContent = "▶";
  }
}

