// A client of the TypeScript SDK 1.x that loses its server in mid-call and goes on with another.
// Usage: node resume.mjs <url of the first> <url of the second>. Prints one JSON object per line; a line on standard
// input tells it to go on with the second.
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';

const [first, second] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const request = { method: 'tools/call', params: { name: 'streaming', arguments: { count: 10, intervalMs: 200 } } };
let token;

function options(more = {}) {
  return {
    ...more,
    timeout: 60_000,
    onresumptiontoken: (given) => { token = given; },
    onprogress: (progress) => say({ progress: progress.progress }),
  };
}

async function connect(url, sessionId) {
  const client = new Client({ name: 'resume', version: '1' });
  client.onerror = () => {};
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    sessionId,
    reconnectionOptions: { initialReconnectionDelay: 100, maxReconnectionDelay: 100, reconnectionDelayGrowFactor: 1, maxRetries: 0 },
  });
  await client.connect(transport);
  return { client, transport };
}

const one = await connect(first);
say({ session: one.transport.sessionId });
one.client.request(request, CallToolResultSchema, options()).catch(() => {});
await new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));
say({ token });
const two = await connect(second, one.transport.sessionId);
two.transport.setProtocolVersion('2025-11-25');
// The SDK's progress token is the request's number: the second client counts up to where the first one was.
await two.client.ping();
const result = await two.client.request(request, CallToolResultSchema, options({ resumptionToken: token }));
say({ points: result.structuredContent.dataPoints.length });
process.exit(0);
