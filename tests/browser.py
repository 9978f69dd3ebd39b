"""A page in headless Chromium, with nothing but its command line: no driver to install.

A probe is put into a copy of the page: it draws every plot, tries the tables and the hover, and
leaves what it saw as JSON in the document, which Chromium then prints.
"""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
TIMEOUT_S = 120

WATCH = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(String(event.message)));
addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => errors.push(event.blockedURI));
for (const level of ["error", "warn"]) console[level] = (...words) => errors.push(words.join(" "));
</script>"""

PROBE = """<script type="module">
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const texts = (cells) => [...cells].map((cell) => cell.textContent.replace(/\\s+/g, " ").trim());
const column = (table, index) =>
  [...table.tBodies[0].rows].map((row) => row.cells[index].firstChild.textContent);
const type = (field, value) => {
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const places = all(".plot");
dispatchEvent(new Event("beforeprint"));
for (let i = 0; i < 600 && !places.every((p) => p.dataset.drawn === "yes"); i++) await pause(50);

const wide = document.documentElement.clientWidth;
const inside = (element) => element.closest(".scroll") || element.closest("svg");
const right = (element) => element.getBoundingClientRect().right;
const overflowing = all("body *").filter((e) => !inside(e) && right(e) > wide + 1);
const cut = all("main *").filter((e) => !inside(e) && e.scrollWidth > e.clientWidth + 1 &&
  getComputedStyle(e).display !== "inline");
const plots = places.map((place) => place.querySelector("svg"));

// Names beside points: none on another, none outside of the axes.
const meets = (a, b) =>
  a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
const collisions = plots.filter(Boolean).flatMap((svg) => {
  const boxes = all(".plot-label text, .mark-text.role-mark text", svg)
    .filter((text) => text.textContent && text.getAttribute("opacity") !== "0")
    .map((text) => [text.textContent, text.getBoundingClientRect()]);
  const axes = all(".role-axis-label text", svg)
    .map((text) => [text.textContent, text.getBoundingClientRect()]);
  return boxes.flatMap(([name, box], index) => [...boxes.slice(index + 1), ...axes]
    .filter(([, other]) => meets(box, other)).map(([other]) => `${name} on ${other}`));
});

const table = document.querySelector("main .sortable");
const sorted = {};
for (const name of ["p50 ms", "Unit"]) {
  const header = [...table.tHead.rows[0].cells].find((c) => c.textContent === name);
  if (!header) continue;
  sorted[name] = [0, 1].map(() => {
    header.firstElementChild.click();
    return { order: header.getAttribute("aria-sort"), cells: column(table, header.cellIndex) };
  });
}

const mark = document.querySelector(".plot .mark-symbol path[aria-label]") ||
  document.querySelector(".plot .mark-symbol path");
const events = { bubbles: true, clientX: 5, clientY: 5 };
mark?.dispatchEvent(new MouseEvent("mousemove", events));
mark?.dispatchEvent(new PointerEvent("pointermove", events));
await pause(50);
const hover = document.querySelector("#vg-tooltip-element")?.textContent ?? "";

const opened = () => {
  const card = document.querySelector("dialog[open]");
  const title = card?.querySelector("h3").textContent ?? "";
  const clipped = card && card.scrollWidth > card.clientWidth + 1;
  card?.close();
  return clipped ? `${title} is clipped` : title;
};
document.querySelector("main .sortable .opens")?.click();
const by_row = opened();
mark?.dispatchEvent(new MouseEvent("click", events));
const by_point = opened();

const rates = {};
const field = document.querySelector("#rate input");
for (const fps of field ? RATES : []) {
  type(field, fps);
  rates[fps] = all(".asked").map((row) => ({ hidden: row.hidden, cells: texts(row.cells) }));
}

const lit = {};
const limits = document.querySelector(".lights");
for (const [name, value] of limits ? LIMITS : []) {
  for (const other of ["fps", "top1", "mb"]) limits[other].value = "";
  type(limits[name], value);
  lit[`${name} ${value}`] = all("tbody tr", table).map((row) => row.dataset.light ?? "").sort();
}

const filter = document.querySelector(".filter input");
if (filter) type(filter, "no such row");
const left = filter ? all("tbody tr:not([hidden])", filter.closest(".tabled")).length : 0;

const report = {
  width: innerWidth, scroll: document.documentElement.scrollWidth, errors, sorted, hover,
  by_row, by_point, rates, lit, left, collisions,
  overflowing: overflowing.map((element) => element.outerHTML.slice(0, 80)),
  cut: cut.map((element) => element.outerHTML.slice(0, 80)),
  scrolled: all("main .scroll").filter((e) => e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.getAttribute("aria-label")),
  cues: all("main .cue:not([hidden])").length,
  plots: places.length, drawn: plots.filter((svg) => svg).length,
  wide_plots: plots.filter((svg) => svg && right(svg) > right(svg.parentElement) + 1).length,
  injected: all("b.evil, img:not(.thumbnail, .drawing), script[src]").length,
  background: getComputedStyle(document.body).backgroundColor,
};
parent.postMessage(JSON.stringify(report), "*");
</script>"""


# Chromium's own window is never narrower than 500 pixels; a frame is.
FRAME = """<!doctype html><pre id="probe"></pre>
<iframe src="%s" style="border: 0; width: %dpx; height: 1000px"></iframe>
<script>
addEventListener("message", (event) => {
  document.getElementById("probe").textContent = event.data;
});
</script>"""


def probe(
    page: Path,
    width: int,
    *,
    dark: bool = False,
    rates: Sequence[str] = (),
    limits: Sequence[tuple[str, str]] = (),
) -> dict:
    """What the probe saw in `page`, on a screen `width` pixels wide.

    It types each of `rates`, and each of `limits` (a field's name and its value) alone.
    """
    text = page.read_text("utf-8")
    probed = page.with_name(f"probed-{width}.html")
    script = PROBE.replace("RATES", json.dumps(rates)).replace("LIMITS", json.dumps(limits))
    head, rest = text.split("<head>", 1)
    body, end = rest.rsplit("</body>", 1)
    probed.write_text(f"{head}<head>{WATCH}{body}{script}</body>{end}", "utf-8")
    frame = page.with_name(f"frame-{width}.html")
    frame.write_text(FRAME % (probed.name, width), "utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--window-size=1600,1200", "--virtual-time-budget=30000",
        f"--user-data-dir={page.parent / 'profile'}",
        f"--blink-settings=preferredColorScheme={int(not dark)}",
        "--dump-dom", frame.resolve().as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True)
    found = re.search(r'<pre id="probe">(.+?)</pre>', done.stdout.decode(), re.DOTALL)
    assert found, "the probe did not finish"
    return json.loads(html.unescape(found[1]))
