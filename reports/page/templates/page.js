const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const specs = JSON.parse(document.getElementById("plots").textContent);
const theme = JSON.parse(document.getElementById("theme").textContent);
const rate = document.getElementById("rate");

// Colours are the page's own variables: dark, light and print need no other drawing.
async function draw(place) {
  place.dataset.drawn = "begun";
  const config = structuredClone(theme);
  if (innerWidth < 640) {
    config.axis.labelLimit = 110;
    config.legend.columns = 2;
  }
  const options = { renderer: "svg", actions: false, config };
  const { view } = await vegaEmbed(place, specs[place.dataset.plot], options);
  view.addEventListener("click", (_, item) => open(item?.datum?.card ?? item?.datum?.datum?.card));
  place.view = view;
  place.dataset.drawn = "yes";
  moveLine(place);
}

// A plot is drawn when it comes near the screen: a long page opens at once.
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      watcher.unobserve(target);
      target.dataset.drawn || draw(target);
    }
  }
}, { rootMargin: "400px" });
const places = all(".plot");
places.forEach((place) => watcher.observe(place));
addEventListener("beforeprint", () => {
  places.forEach((place) => place.dataset.drawn || draw(place));
  all("details").forEach((details) => { details.open = true; });
});

function moveLine(place) {
  const fps = Number(rate?.fps.value);
  if (fps > 0 && place.view?.getState().signals.frame_ms) place.view.signal("frame_ms", 1000 / fps).run();
}

// The answer to any rate is that of the longest time of a frame that is not longer than its own.
function ask() {
  const fps = Number(rate.fps.value);
  for (const group of all(".answer")) {
    const asked = group.querySelector(".asked");
    asked.hidden = !(fps > 0 && Number.isFinite(fps));
    const answers = all("tr", group.querySelector("template").content);
    const answer = answers.filter((row) => Number(row.dataset.fromNs) <= 1e9 / fps).at(-1);
    asked.dataset.card = answer?.dataset.card ?? "";
    asked.firstElementChild.textContent = String(fps);
    asked.replaceChildren(asked.firstElementChild, ...(answer?.cloneNode(true).children ?? []));
  }
  places.forEach(moveLine);
}
if (rate) {
  rate.hidden = false;
  rate.addEventListener("input", ask);
  rate.addEventListener("submit", (event) => event.preventDefault());
}

// A light for each row with figures: whether it keeps all of the reader's limits.
function light(form) {
  const [fps, top1, mb] = ["fps", "top1", "mb"].map((name) => Number(form[name].value));
  for (const row of all("tr[data-frame-ns]", form.closest("section"))) {
    const { frameNs, sizeBytes, top1: percent } = row.dataset;
    const misses = [
      fps > 0 && Number(frameNs) > 1e9 / fps && "too slow",
      top1 > 0 && (percent === "" ? "of unknown accuracy" : Number(percent) < top1 && "not accurate enough"),
      mb > 0 && Number(sizeBytes) > mb * 1e6 && "too large",
    ].filter(Boolean);
    row.dataset.light = fps > 0 || top1 > 0 || mb > 0 ? (misses.length ? "misses" : "keeps") : "";
    row.title = misses.join(", ");
  }
}
for (const form of all(".lights")) {
  form.hidden = false;
  form.addEventListener("input", () => light(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  light(form);
}

function open(card) {
  document.getElementById(card)?.showModal();
}
async function copy(button) {
  const code = button.previousElementSibling;
  getSelection().selectAllChildren(code);
  await navigator.clipboard?.writeText(code.textContent.trim()).then(() => { button.textContent = "Copied"; }, () => {});
}
addEventListener("click", ({ target }) => {
  if (target.matches("[data-card].opens")) open(target.dataset.card);
  if (target.matches(".copy")) copy(target);
  if (target.matches("dialog")) target.close(); // beside the card
});

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
all(".sortable th").forEach((header) =>
  header.firstElementChild.addEventListener("click", () => sort(header)),
);

for (const field of all(".filter input")) {
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of all("tbody tr", field.closest(".tabled"))) {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    }
  });
}

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) target.nextElementSibling.hidden = target.scrollWidth <= target.clientWidth;
});
all(".tabled .scroll").forEach((scroll) => widths.observe(scroll));
