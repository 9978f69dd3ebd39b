"""A page in headless Chromium, with nothing but its command line: no driver to install.

A probe is put into a copy of the page: it draws every plot, tries the tables and the hover, and
leaves what it saw as JSON in the document, which Chromium then prints.
"""

import html
import json
import re
import shutil
import subprocess
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
const all = (selector) => [...document.querySelectorAll(selector)];
const column = (table, index) =>
  [...table.tBodies[0].rows].map((row) => row.cells[index].firstChild.textContent);
const places = all(".plot");
dispatchEvent(new Event("beforeprint"));
for (let i = 0; i < 300 && !places.every((p) => p.dataset.drawn); i++)
  await new Promise((done) => setTimeout(done, 50));

const wide = document.documentElement.clientWidth;
const inside = (element) => element.closest(".scroll") || element.closest("svg");
const right = (element) => element.getBoundingClientRect().right;
const overflowing = all("body *").filter((e) => !inside(e) && right(e) > wide + 1);
const plots = places.map((place) => place.querySelector("svg"));

const table = document.querySelector(".sortable");
const sorted = {};
for (const name of ["p50 ms", "Unit"]) {
  const header = [...table.tHead.rows[0].cells].find((c) => c.textContent === name);
  sorted[name] = [0, 1].map(() => {
    header.firstElementChild.click();
    return { order: header.getAttribute("aria-sort"), cells: column(table, header.cellIndex) };
  });
}

const mark = document.querySelector(".plot .mark-symbol path[aria-label]") ||
  document.querySelector(".plot .mark-symbol path");
mark.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX: 5, clientY: 5 }));
mark.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 5, clientY: 5 }));
await new Promise((done) => setTimeout(done, 50));

const report = {
  width: innerWidth, scroll: document.documentElement.scrollWidth, errors, sorted,
  overflowing: overflowing.map((element) => element.outerHTML.slice(0, 80)),
  plots: places.length, drawn: plots.filter((svg) => svg).length,
  wide_plots: plots.filter((svg) => svg && right(svg) > right(svg.parentElement) + 1).length,
  hover: document.querySelector("#vg-tooltip-element")?.textContent ?? "",
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


def probe(page: Path, width: int, *, dark: bool = False) -> dict:
    """What the probe saw in `page`, on a screen `width` pixels wide."""
    text = page.read_text("utf-8")
    probed = page.with_name(f"probed-{width}.html")
    head, rest = text.split("<head>", 1)
    body, end = rest.rsplit("</body>", 1)
    probed.write_text(f"{head}<head>{WATCH}{body}{PROBE}</body>{end}", "utf-8")
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
