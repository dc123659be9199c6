/** Whether a server answers as the others do: only then is what it costs worth comparing. */
import type { RunningServer, Workload } from "./http_servers.ts";

/** Something to ask, and what is to come back. */
interface Exchange {
  readonly init: RequestInit;
  readonly type: string;
  readonly body: string;
}

const get: RequestInit = { headers: { "user-agent": "check", "x-request-id": "7" } };
const json = `{"key":["value",1]}`;

const exchanges: Record<Workload, Exchange> = {
  hello: { init: get, type: "text/plain", body: "hello" },
  headers: { init: get, type: "text/plain", body: "hello 5" },
  json: { init: { method: "POST", body: json }, type: "application/json", body: json },
  events: {
    init: get,
    type: "text/event-stream",
    body: `data: ${"x".repeat(56)}\n\n`.repeat(16),
  },
};

/**
 * Asks a server once.
 *
 * @param server The server.
 * @param workload What it shall answer with.
 * @throws {Error} It answers with something else.
 */
export async function checkServer({ port }: RunningServer, workload: Workload): Promise<void> {
  const { init, type, body } = exchanges[workload];
  const response = await fetch(`http://127.0.0.1:${port}/`, init);
  const found = [response.status, response.headers.get("content-type"), await response.text()];
  const good = found[0] === 200 && found[1]?.toString().startsWith(type) && found[2] === body;
  if (!good) throw new Error(`the server answers to ${workload} with ${JSON.stringify(found)}`);
}
