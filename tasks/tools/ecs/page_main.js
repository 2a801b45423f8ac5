// What the page does when: the host tells it of a call, its result, and how it looks there.

const HOST_VARIABLES = ["--color-background-primary", "--color-text-primary", "--font-sans"];
let timeline = null;
let chart = null;
let times = [];
let current = 0;
let drawnWidth = 0;

function applyContext(context) {
  if (!isRecord(context)) return;
  if (context.theme === "light" || context.theme === "dark") document.documentElement.dataset.theme = context.theme;
  const variables = isRecord(context.styles) && isRecord(context.styles.variables) ? context.styles.variables : {};
  const [background, text] = HOST_VARIABLES;
  for (const name of HOST_VARIABLES) {
    // One colour without the other could be ink on paper of the same.
    const whole = name === "--font-sans" || (variables[background] && variables[text]);
    if (whole && typeof variables[name] === "string") document.documentElement.style.setProperty(name, variables[name]);
  }
  redraw();
}

function showInput({ arguments: given }) {
  if (!isRecord(given)) return;
  const [service, cluster] = [words(given.service ?? given.ecsService), words(given.cluster ?? given.ecsCluster)];
  const title = service && cluster ? `${service} in ${cluster}` : service || cluster;
  byId("title").textContent = title;
  byId("title").hidden = !title;
}

function showResult(result) {
  const found = isRecord(result.structuredContent) ? result.structuredContent : {};
  timeline = timelineOf(found.chart);
  tellVerdict(found.verdict);
  byId("chart").hidden = !timeline;
  if (!timeline) {
    const texts = listOf(result.content).filter((each) => isRecord(each) && each.type === "text");
    say(words(texts.map((each) => words(each.text, 4000)).join("\n"), 4000) || "The result has no chart.");
    return;
  }
  say("");
  const [first, last] = [dayText(timeline.start), dayText(timeline.end)];
  byId("zone").textContent = `UTC, ${first === last ? first : `${first} to ${last}`}`;
  times = [...new Set(timeline.series.flatMap(({ points }) => points.map(([at]) => at)))];
  times = [...new Set([...times, ...timeline.markers.map(({ at }) => at)])].sort((one, other) => one - other);
  current = 0;
  tellMarkers(timeline.markers, (marker) => {
    moveTo(times.indexOf(marker.at));
    chart.tell(marker.number);
  });
  tellTable(timeline);
  redraw();
  byId("cursor").setAttribute("aria-valuemin", "0");
  byId("cursor").setAttribute("aria-valuemax", String(Math.max(0, times.length - 1)));
  speak();
}

function say(message) {
  byId("message").textContent = message;
  byId("message").hidden = !message;
}

function redraw() {
  if (!timeline) return;
  drawnWidth = byId("panels").clientWidth;
  chart = drawChart(byId("panels"), timeline);
  byId("readout").hidden = true;
}

function moveTo(next) {
  if (!times.length) return;
  current = Math.min(Math.max(0, next), times.length - 1);
  chart.show(times[current]);
  speak();
  showReadout();
}

function speak() {
  const text = times.length ? tellReadout(timeline, times[current]) : "no data";
  byId("cursor").setAttribute("aria-valuenow", String(current));
  byId("cursor").setAttribute("aria-valuetext", text);
}

function showReadout() {
  const readout = byId("readout");
  readout.hidden = false;
  const panels = byId("panels").getBoundingClientRect();
  const at = panels.left + chart.x(times[current]);
  const beside = at + 14 + readout.offsetWidth < panels.right ? at + 14 : Math.max(4, at - 14 - readout.offsetWidth);
  const bottom = byId("cursor").getBoundingClientRect().bottom - readout.offsetHeight;
  readout.style.left = `${beside + window.scrollX}px`;
  readout.style.top = `${Math.max(0, Math.min(panels.top + 30, bottom) + window.scrollY)}px`;
}

function hide() {
  byId("readout").hidden = true;
  if (chart) chart.hide();
}

function follow({ clientX }) {
  if (!times.length) return;
  const at = chart.at(clientX - byId("panels").getBoundingClientRect().left);
  const near = times.reduce((best, time, n) => (Math.abs(time - at) < Math.abs(times[best] - at) ? n : best), 0);
  moveTo(near);
}

const MOVES = {
  ArrowLeft: () => current - 1,
  ArrowDown: () => current - 1,
  ArrowRight: () => current + 1,
  ArrowUp: () => current + 1,
  PageDown: () => current - 10,
  PageUp: () => current + 10,
  Home: () => 0,
  End: () => times.length - 1,
};

byId("cursor").addEventListener("pointermove", follow);
byId("cursor").addEventListener("pointerdown", follow);
byId("cursor").addEventListener("pointerleave", hide);
byId("cursor").addEventListener("focus", () => moveTo(current));
byId("cursor").addEventListener("blur", hide);
byId("cursor").addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
  if (!Object.hasOwn(MOVES, event.key)) return;
  event.preventDefault();
  moveTo(MOVES[event.key]());
});
byId("events").addEventListener("pointerleave", hide);
new ResizeObserver(() => byId("panels").clientWidth !== drawnWidth && redraw()).observe(byId("panels"));

if (window.parent === window) {
  say("This page shows the result of a tool inside of an MCP client.");
} else {
  const notify = connectHost({
    "ui/notifications/host-context-changed": applyContext,
    "ui/notifications/tool-input": showInput,
    "ui/notifications/tool-result": showResult,
    "ui/notifications/tool-cancelled": () => say("The investigation was cancelled."),
  });
  reportSize(notify);
}
