/**
 * Asks an HTTP API on a Unix socket, such as Docker's: only the way a connection is opened differs.
 *
 *     deno run --allow-net --allow-read=/run/docker.sock --allow-write=/run/docker.sock \
 *       examples/unix_api.ts /run/docker.sock GET /version
 *     ... examples/unix_api.ts /run/docker.sock POST /containers/create '{"Image":"busybox"}'
 *
 * A JSON answer is printed for people; any other, such as a log that goes on, as it comes.
 */
import { http, net } from "../mod.ts";

const [socket, method, path, body] = Deno.args;
if (path === undefined) {
  console.error("usage: unix_api.ts SOCKET METHOD PATH [JSON]");
  Deno.exit(2);
}

using transport = new http.Transport({
  // Host and port of the URL no longer say where to; they still become the `Host` field.
  dial: (_network, _address, wait) => net.dial("unix", socket, wait),
  proxy: null, // a proxy could not reach this socket
  responseHeaderTimeout: 30_000,
});
const client = new http.Client({ transport });

try {
  const response = await client.fetch(new URL(path, "http://localhost"), {
    method,
    body,
    headers: body === undefined ? {} : { "content-type": "application/json" },
  });
  if (response.headers.get("content-type")?.startsWith("application/json")) {
    console.log(JSON.stringify(await response.json(), null, 2));
  } else {
    await response.body?.pipeTo(Deno.stdout.writable, { preventClose: true });
  }
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${response.statusText}`);
} catch (error) {
  // such as: GET "http://localhost/version": no such file or directory
  console.error((error as Error).message);
  Deno.exitCode = 1;
}
