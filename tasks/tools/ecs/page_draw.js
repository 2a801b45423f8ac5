// The timeline as SVG: panels one under the other, lines across them for what happened, one cursor for all.
// Words become text nodes and nothing else: no markup is ever made of them.

const MARGIN = { left: 52, right: 12 };
const TALL = { percent: 108, count: 84, seconds: 84, tasks: 64 };
const NAMES = { stopped: "task stopped" };
const BADGE = 20;
const MOST_BADGE_ROWS = 3;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Draws *timeline* into *place*; the answer moves the cursor: `show(at)`, `tell(number)` and `hide()`. */
function drawChart(place, timeline) {
  const width = Math.max(260, place.clientWidth);
  const inner = width - MARGIN.left - MARGIN.right;
  const x = (at) => MARGIN.left + ((at - timeline.start) / (timeline.end - timeline.start)) * inner;
  const across = svg("svg", { class: "across", "aria-hidden": "true" });
  place.replaceChildren(across);
  const badges = drawBadges(timeline.markers, x, width);
  if (timeline.markers.length) place.append(badges.strip);
  const panels = UNITS.map((unit) => ({ unit, series: timeline.series.filter((each) => each.unit === unit) }));
  const shown = panels.filter((panel) => panel.series.length);
  const pins = (shown.length ? shown : [{ unit: "percent", series: [] }]).map((panel) => {
    if (panel.series.length) place.append(drawLegend(panel.series));
    const { drawing, y } = drawPanel(panel, timeline, x, width);
    place.append(drawing);
    return { ...panel, drawing, y };
  });
  place.append(drawTime(timeline, x, width));
  const lines = drawMarkers(across, timeline.markers, x, badges.feet);
  return cursorOf({ across, pins, lines, x, inner, timeline });
}

function drawBadges(markers, x, width) {
  const rows = [];
  const feet = [];
  const strip = svg("svg", { "aria-hidden": "true" });
  for (const marker of markers) {
    const middle = Math.min(Math.max(x(marker.at), BADGE / 2), width - BADGE / 2);
    const row = rows.findIndex((last) => middle - last >= BADGE);
    const free = row >= 0 ? row : rows.length;
    if (free >= MOST_BADGE_ROWS) {
      feet.push(0);
      continue;
    }
    rows[free] = middle;
    feet.push((free + 1) * BADGE);
    strip.append(
      svg("circle", { class: `badge c-${marker.kind}`, cx: middle, cy: free * BADGE + BADGE / 2, r: 9 }),
      svg("text", { class: "badge-text", x: middle, y: free * BADGE + BADGE / 2 + 4 }, String(marker.number)),
    );
  }
  strip.setAttribute("height", rows.length * BADGE);
  return { strip, feet };
}

function drawLegend(series) {
  const legend = element("div", { className: "legend" });
  for (const { name, look, points } of series) {
    const sample = svg("line", { class: "line", x1: 0, x2: 26, y1: 5, y2: 5, "stroke-dasharray": look[1] });
    const empty = points.length ? "" : " (no data)";
    const entry = element("span", { className: `c-${look[0]}` }, svg("svg", { "aria-hidden": "true" }, sample));
    entry.append(name + empty);
    legend.append(entry);
  }
  return legend;
}

function drawPanel({ unit, series }, timeline, x, width) {
  const height = TALL[unit];
  const { bottom, top, ticks } = scaleOf(series, unit);
  const y = (value) => height - 1 - ((value - bottom) / (top - bottom)) * (height - 9);
  const drawing = svg("svg", { height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const tick of ticks) {
    const level = { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) };
    drawing.append(svg("line", { class: tick === bottom ? "axis" : "grid", ...level }));
    const label = { class: "tick", x: MARGIN.left - 6, y: y(tick) + (tick === bottom ? 0 : 4), "text-anchor": "end" };
    drawing.append(svg("text", label, valueText(tick, unit)));
  }
  for (const marker of timeline.markers.filter((each) => each.kind === "stopped")) {
    const stroke = { x1: x(marker.at), x2: x(marker.at), y1: height * 0.78, y2: height - 1 };
    drawing.append(svg("line", { class: "mark stopped c-stopped", ...stroke }));
  }
  for (const each of series) drawing.append(...drawSeries(each, x, y));
  if (!series.some((each) => each.points.length)) {
    const middle = { class: "none", x: (MARGIN.left + width) / 2, y: height / 2, "text-anchor": "middle" };
    drawing.append(svg("text", middle, "no data"));
  }
  return { drawing, y };
}

function drawSeries({ points, unit, look }, x, y) {
  const drawn = [];
  const [color, dashes] = look;
  for (const run of runsOf(points)) {
    const places = run.map(([at, value]) => [x(at).toFixed(1), y(value).toFixed(1)]);
    if (places.length === 1) {
      drawn.push(svg("circle", { class: `dot c-${color}`, cx: places[0][0], cy: places[0][1], r: 3 }));
      continue;
    }
    const [first, ...rest] = places;
    const steps = rest.map(([px, py]) => (unit === "tasks" ? `H${px}V${py}` : `L${px},${py}`)).join("");
    const path = `M${first[0]},${first[1]}${steps}`;
    if (unit === "count") {
      const area = `${path}V${y(0).toFixed(1)}H${first[0]}Z`;
      drawn.push(svg("path", { class: `area c-${color}`, d: area }));
    }
    drawn.push(svg("path", { class: `line c-${color}`, d: path, "stroke-dasharray": dashes }));
  }
  return drawn;
}

function drawTime(timeline, x, width) {
  const { ticks, step } = ticksOf(timeline.start, timeline.end, Math.max(2, Math.floor(width / 90)));
  const drawing = svg("svg", { height: 20, viewBox: `0 0 ${width} 20`, "aria-hidden": "true" });
  for (const at of ticks) {
    const place = Math.min(Math.max(x(at), MARGIN.left), width - 18);
    const text = step >= 86_400_000 ? dayText(at) : timeText(at, { seconds: step < 60_000 });
    drawing.append(svg("line", { class: "axis", x1: x(at), x2: x(at), y1: 0, y2: 4 }));
    drawing.append(svg("text", { class: "tick", x: place, y: 16, "text-anchor": "middle" }, text));
  }
  return drawing;
}

function drawMarkers(across, markers, x, feet) {
  const dashes = { deployment: "6 4", change: "2 3", scaling: "2 3" };
  return markers.map((marker, place) => {
    const line = { x1: x(marker.at), x2: x(marker.at), y1: feet[place], y2: "100%" };
    const hidden = marker.kind === "stopped" ? { visibility: "hidden" } : {};
    const drawn = svg("line", {
      class: `mark c-${marker.kind}`,
      "stroke-dasharray": dashes[marker.kind] ?? "",
      ...line,
      ...hidden,
    });
    across.append(drawn);
    return drawn;
  });
}

function cursorOf({ across, pins, lines, x, inner, timeline }) {
  const hair = svg("line", { class: "hair", y1: 0, y2: "100%", visibility: "hidden" });
  across.append(hair);
  let shown = [];
  const clear = () => {
    shown.forEach((pin) => pin.remove());
    shown = [];
    lines.forEach((line) => line.classList.remove("told"));
    hair.setAttribute("visibility", "hidden");
  };
  return {
    x,
    at: (place) => timeline.start + ((place - MARGIN.left) / inner) * (timeline.end - timeline.start),
    hide: clear,
    tell: (number) => lines[number - 1]?.classList.add("told"),
    show(at) {
      clear();
      for (const [name, value] of [["x1", x(at)], ["x2", x(at)], ["visibility", "visible"]]) hair.setAttribute(name, value);
      for (const { series, drawing, y } of pins) {
        for (const { points, look } of series) {
          const point = nearest(points, at, (timeline.end - timeline.start) / 60);
          if (!point) continue;
          const pin = svg("circle", { class: `pin c-${look[0]}`, cx: x(point[0]), cy: y(point[1]), r: 4.5 });
          drawing.append(pin);
          shown.push(pin);
        }
      }
    },
  };
}
