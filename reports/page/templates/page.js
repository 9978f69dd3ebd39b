const read = (id) => JSON.parse(document.getElementById(id).textContent);
const specs = read("plots");
const themes = read("themes");
const dark = matchMedia("(prefers-color-scheme: dark)");

async function draw(place) {
  const config = structuredClone(dark.matches ? themes.dark : themes.light);
  if (innerWidth < 640) {
    config.axis.labelLimit = 110;
    config.legend.layout = { top: { direction: "vertical" } };
  }
  const options = { renderer: "svg", actions: false, config, tooltip: { theme: dark.matches ? "dark" : "light" } };
  await vegaEmbed(place, specs[place.dataset.plot], options);
  place.dataset.drawn = "yes";
}

// A plot is drawn when it comes near the screen: a long page opens at once.
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      watcher.unobserve(target);
      draw(target);
    }
  }
}, { rootMargin: "400px" });
const places = document.querySelectorAll(".plot");
places.forEach((place) => watcher.observe(place));
dark.addEventListener("change", () => places.forEach((place) => place.dataset.drawn && draw(place)));
addEventListener("beforeprint", () => places.forEach((place) => place.dataset.drawn || draw(place)));

function sort(header) {
  const row = header.parentElement;
  const column = [...row.children].indexOf(header);
  const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const body = row.closest("table").tBodies[0];
  const key = (line) => {
    const cell = line.children[column];
    return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
  };
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // without a figure: last
    return direction * (typeof x === "number" ? x - y : x.localeCompare(y));
  };
  body.append(...[...body.rows].sort(compare));
  for (const other of row.children) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
}
document.querySelectorAll(".sortable th").forEach((header) =>
  header.firstElementChild.addEventListener("click", () => sort(header)),
);
