// What came from elsewhere, made safe to draw: numbers that are numbers, words that are words, and not too many.

const UNITS = ["percent", "count", "seconds", "tasks"];
const KINDS = ["deployment", "alarm", "change", "scaling", "stopped"];
const LOOKS = {
  cpu: ["blue", ""],
  memory: ["orange", "6 3"],
  errors: ["orange", ""],
  "5xx": ["purple", "6 3"],
  latency: ["green", ""],
  running: ["grey", ""],
};
const OTHER_LOOKS = [["blue", ""], ["purple", "6 3"], ["green", "2 2"], ["ochre", "8 3 2 3"]];
const MOST_SERIES = 24;
const MOST_POINTS = 5000;
const MOST_MARKERS = 200;
// How many times the usual distance two points may lie apart before a line between them would be an invention.
const GAP = 3.5;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value) => (Array.isArray(value) ? value : []);
const words = (value, longest = 200) => (typeof value === "string" ? [...value].slice(0, longest).join("") : "");

/** The timeline in *given*, or null when there is none that can be drawn. */
function timelineOf(given) {
  if (!isRecord(given) || !isNumber(given.start) || !isNumber(given.end) || given.end <= given.start) return null;
  // Beyond this there are no dates.
  if (Math.max(Math.abs(given.start), Math.abs(given.end)) > 8.64e15) return null;
  const within = (at) => isNumber(at) && at >= given.start && at <= given.end;
  const series = listOf(given.series)
    .filter((each) => isRecord(each) && UNITS.includes(each.unit))
    .slice(0, MOST_SERIES)
    .map((each, place) => ({
      name: words(each.name, 60) || "unnamed",
      unit: each.unit,
      look: lookOf(each.name, place),
      points: listOf(each.points)
        .filter((point) => Array.isArray(point) && within(point[0]) && isNumber(point[1]))
        .slice(0, MOST_POINTS)
        .sort((one, other) => one[0] - other[0]),
    }));
  const markers = listOf(given.markers)
    .filter((each) => isRecord(each) && within(each.at) && KINDS.includes(each.kind))
    .slice(0, MOST_MARKERS)
    .sort((one, other) => one.at - other.at)
    .map((each, place) => ({
      number: place + 1,
      at: each.at,
      kind: each.kind,
      label: words(each.label),
      evidence: words(each.evidence, 80),
    }));
  return { start: given.start, end: given.end, series, markers };
}

function lookOf(name, place) {
  const known = typeof name === "string" && Object.hasOwn(LOOKS, name.toLowerCase()) && LOOKS[name.toLowerCase()];
  return known || OTHER_LOOKS[place % OTHER_LOOKS.length];
}

/** The pieces of a line between which nothing was measured. */
function runsOf(points) {
  const distances = points.slice(1).map((point, place) => point[0] - points[place][0]);
  const usual = [...distances].sort((one, other) => one - other)[Math.floor(distances.length / 2)] ?? 0;
  const runs = [];
  points.forEach((point, place) => {
    if (place === 0 || distances[place - 1] > GAP * usual) runs.push([]);
    runs.at(-1).push(point);
  });
  return runs;
}

/** The point of *points* that is nearest to the moment *at*, if one lies within *reach*. */
function nearest(points, at, reach) {
  let found = null;
  for (const point of points) {
    const distance = Math.abs(point[0] - at);
    if (distance <= reach && (found === null || distance < Math.abs(found[0] - at))) found = point;
  }
  return found;
}

function valueText(value, unit) {
  const short = (number) => String(Number(number.toPrecision(3)));
  if (unit === "percent") return `${short(value)} %`;
  if (unit === "seconds") return value === 0 || value >= 1 ? `${short(value)} s` : `${short(value * 1000)} ms`;
  return Number.isInteger(value) ? value.toLocaleString("en") : short(value);
}

const twoDigits = (number) => String(number).padStart(2, "0");

/** In UTC, as logs have it. */
function timeText(at, { seconds = false, day = false } = {}) {
  const date = new Date(at);
  const parts = [date.getUTCHours(), date.getUTCMinutes(), ...(seconds ? [date.getUTCSeconds()] : [])];
  const time = parts.map(twoDigits).join(":");
  return day ? `${dayText(at)} ${time}` : time;
}

function dayText(at) {
  return new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

/** Round moments, at most *most* of them. */
function ticksOf(start, end, most) {
  const minute = 60_000;
  const steps = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const enough = (step) => (end - start) / step <= most;
  let step = steps.map((seconds) => seconds * 1000).find(enough) ?? 1440 * minute;
  while (!enough(step)) step *= 2;
  const ticks = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) ticks.push(at);
  return { ticks, step };
}

/** From zero, or below it, to a round number above the highest; at most four steps. */
function scaleOf(series, unit) {
  let [lowest, highest] = [0, unit === "percent" ? 100 : 0];
  for (const { points } of series) {
    for (const [, value] of points) [lowest, highest] = [Math.min(lowest, value), Math.max(highest, value)];
  }
  const raw = (highest - lowest || 1) / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const nice = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= raw) ?? raw;
  const step = unit === "percent" && highest <= 100 && lowest === 0 ? 50 : unit === "tasks" || unit === "count" ? Math.max(1, nice) : nice;
  const bottom = Math.floor(lowest / step) * step;
  const count = Math.min(8, Math.max(1, Math.ceil((highest - bottom) / step - 1e-9)));
  return { bottom, top: bottom + count * step, ticks: Array.from({ length: count + 1 }, (_, n) => bottom + n * step) };
}
