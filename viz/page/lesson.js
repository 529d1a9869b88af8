// A lesson: controls choose among runs that were computed when the page was made, and the drawing
// of the network's shape takes on their colours and numbers.
const get = id => document.getElementById(id);
const chosen = id => get(id).checked ? id[0] : "";

function paint(cell, look, words) {
  const [back, front] = data.looks[look], [shape, text] = cell.children;
  shape.setAttribute("fill", back);
  shape.toggleAttribute("data-zero", look === "z");
  text.setAttribute("fill", front);
  text.textContent = words;
}

function teach() {
  const shape = get("depth").value + chosen("skip") + chosen("norm"), quiz = get("quiz").checked;
  const run = data.runs[[shape, get("activation").value, get("weights").value].join("|")];
  for (const drawing of document.querySelectorAll("[data-shape]")) {
    const mine = drawing.dataset.shape === shape;
    drawing.toggleAttribute("hidden", !mine);
    if (mine) drawing.querySelectorAll(".cell").forEach((cell, i) =>
      paint(cell, quiz ? "4" : run.looks[order(cell, i)], quiz ? "?" : run.words[order(cell, i)]));
  }
  get("every").hidden = quiz;
  get("said").replaceChildren(make("strong", {}, quiz ? data.question : run.said));
  if (quiz) get("said").append(" Guess, then ", button("look", "Show the answer", () => {
    get("quiz").checked = false;
    teach();
    get("quiz").focus();
  }), ".");
}

// Cells stand column by column; numbers come weights first.
function order(cell, i) {
  const layers = (cell.parentNode.querySelectorAll(".cell").length + 1) / 2;
  return i % 2 ? layers + (i - 1) / 2 : i / 2;
}

get("controls").addEventListener("input", teach);
get("controls").addEventListener("submit", event => event.preventDefault());
get("controls").hidden = false;
