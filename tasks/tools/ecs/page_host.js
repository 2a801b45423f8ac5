// Talking to the host: JSON-RPC 2.0 over postMessage, as MCP Apps 2026-01-26 has it.

const PROTOCOL = "2026-01-26";

/** Calls `on[method](params)` for the host's notifications; the answer sends ours. */
function connectHost(on) {
  const post = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method, params = {}) => post({ method, params });

  window.addEventListener("message", ({ source, data }) => {
    // Frames of others can post to this window too.
    if (source !== window.parent || !isRecord(data) || data.jsonrpc !== "2.0") return;
    if (data.id === "initialize" && "result" in data) {
      on["ui/notifications/host-context-changed"](isRecord(data.result) ? data.result.hostContext : null);
      notify("ui/notifications/initialized");
    } else if (typeof data.method === "string" && "id" in data) {
      answer(data);
    } else if (typeof data.method === "string" && Object.hasOwn(on, data.method)) {
      on[data.method](isRecord(data.params) ? data.params : {});
    }
  });

  function answer({ id, method }) {
    const known = method === "ping" || method === "ui/resource-teardown";
    post(known ? { id, result: {} } : { id, error: { code: -32601, message: "Method not found" } });
  }

  const params = {
    protocolVersion: PROTOCOL,
    appInfo: { name: "mcp-server-playground-chart", title: "Chart of an investigation", version: "1.0.0" },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
  };
  post({ id: "initialize", method: "ui/initialize", params });
  return notify;
}

/** Tells the host how large the page is, whenever that changes. */
function reportSize(notify) {
  let told = "";
  const report = () => {
    const { width, height } = document.querySelector("main").getBoundingClientRect();
    const size = { width: Math.ceil(width), height: Math.ceil(height) };
    if (told === JSON.stringify(size)) return;
    told = JSON.stringify(size);
    notify("ui/notifications/size-changed", size);
  };
  new ResizeObserver(report).observe(document.querySelector("main"));
}
