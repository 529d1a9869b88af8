// Dark or light, and what starts the rest.
function theme() {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const made = button("", "Dark or light", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    say();
  });
  const say = () => {
    made.textContent = dark() ? "☀ Light" : "☾ Dark";
    made.setAttribute("aria-pressed", dark());
  };
  made.classList.add("theme");
  system.addEventListener("change", say);
  say();
  document.querySelector("header").append(made);
}

theme();
for (const words of document.querySelectorAll(".still")) words.remove(); // for who blocks scripts
const viewers = [...document.querySelectorAll("figure.graph")].map((figure, i) =>
  new Viewer(figure, data.graphs[i]));
const track = document.querySelector(".track");
if (track && data.steps.length > 1) new Player(viewers, track);

// A link to a name goes to its place in the graph, if it has one.
function go() {
  const name = decodeURIComponent(location.hash.slice(1));
  const viewer = name && viewers.find(one => one.find(name));
  if (viewer) viewer.figure.scrollIntoView({ block: "nearest" });
}
addEventListener("hashchange", go);
go();
