// The same in words: the list of what happened, the readout at the cursor, and a table for those who read it.

const SEVERITIES = ["critical", "high", "medium", "low", "none", "ok"];
const byId = (id) => document.getElementById(id);

function tellVerdict(given) {
  const verdict = isRecord(given) ? given : {};
  const [severity, status, summary] = [words(verdict.severity, 40), words(verdict.status, 80), words(verdict.summary, 600)];
  byId("verdict").hidden = !(severity || status || summary);
  byId("severity").hidden = !severity;
  byId("severity").textContent = severity;
  byId("severity").dataset.level = SEVERITIES.includes(severity.toLowerCase()) ? severity.toLowerCase() : "";
  byId("status").textContent = status.replaceAll("_", " ");
  byId("summary").textContent = summary;
}

function tellMarkers(markers, onChosen) {
  byId("events").hidden = !markers.length;
  byId("markers").replaceChildren(
    ...markers.map((marker) => {
      const number = element("span", { className: `number c-${marker.kind}` }, element("b", {}, String(marker.number)));
      const time = element("time", { dateTime: new Date(marker.at).toISOString() }, timeText(marker.at));
      const label = element("span", { className: "label" }, `${NAMES[marker.kind] ?? marker.kind}: ${marker.label} `);
      if (marker.evidence) label.append(element("span", { className: "evidence" }, marker.evidence));
      const button = element("button", { type: "button" }, number, time, label);
      for (const event of ["focus", "pointerenter", "click"]) button.addEventListener(event, () => onChosen(marker));
      return element("li", {}, button);
    }),
  );
}

/** What was measured about *at*, and what happened about then. */
function aboutThen(timeline, at) {
  const reach = (timeline.end - timeline.start) / 60;
  const values = timeline.series
    .map(({ name, unit, look, points }) => ({ name, unit, look, point: nearest(points, at, reach) }))
    .filter(({ point }) => point);
  return { values, markers: timeline.markers.filter((marker) => Math.abs(marker.at - at) <= reach / 2) };
}

function tellReadout(timeline, at) {
  const { values, markers } = aboutThen(timeline, at);
  const list = element("dl");
  for (const { name, unit, look, point } of values) {
    list.append(element("dt", { className: `c-${look[0]}` }, name), element("dd", {}, valueText(point[1], unit)));
  }
  const events = markers.slice(0, 4).map((marker) => {
    const line = element("p", { className: `c-${marker.kind}` });
    line.append(`${marker.number} ${NAMES[marker.kind] ?? marker.kind}: ${marker.label}`);
    return line;
  });
  byId("readout").replaceChildren(element("strong", {}, `${timeText(at, { day: true })} UTC`), list, ...events);
  const spoken = values.map(({ name, unit, point }) => `${name} ${valueText(point[1], unit)}`);
  const happened = markers.map((marker) => `${NAMES[marker.kind] ?? marker.kind}: ${marker.label}`);
  return [timeText(at), ...spoken, ...happened].join(", ");
}

function tellTable(timeline) {
  const columns = timeline.series.map(({ points }) => new Map(points));
  const times = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((one, other) => one - other);
  const heads = ["Time (UTC)", ...timeline.series.map(({ name }) => name)];
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const rows = times.map((at) => {
    const cells = columns.map((column, place) =>
      element("td", {}, column.has(at) ? valueText(column.get(at), timeline.series[place].unit) : ""),
    );
    return element("tr", {}, element("th", { scope: "row" }, timeText(at, { seconds: true, day: true })), ...cells);
  });
  const caption = element("caption", { className: "unseen" }, "What was measured");
  byId("table").replaceChildren(caption, element("thead", {}, head), element("tbody", {}, ...rows));
  byId("numbers").hidden = !times.length;
}
